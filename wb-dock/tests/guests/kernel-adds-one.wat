;; Adds one to each byte; says how long its buffers are.
(module
  (memory (export "memory") 3)
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "in_cap") (result i32) (i32.const 65536))
  (func (export "out_ptr") (result i32) (i32.const 70000))
  (func (export "out_cap") (result i32) (i32.const 65536))
  (func (export "process") (param $len i32) (result i32)
    (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $i) (local.get $len)))
        (i32.store8 offset=70000 (local.get $i)
          (i32.add (i32.load8_u offset=1024 (local.get $i)) (i32.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.get $len)))
