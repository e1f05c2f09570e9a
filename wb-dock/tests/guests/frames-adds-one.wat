;; Adds one to each byte of a shared frame; keeps what `_initialize` wrote to its own
;; memory and puts it first.
(module
  (import "wb:frames" "input" (func $input (result i32)))
  (import "wb:frames" "input_len" (func $input_len (result i32)))
  (import "wb:frames" "output" (func $output (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (i32.store8 (i32.const 64) (i32.const 0x2e)))
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "out_ptr") (result i32) (i32.const 1024))
  (func (export "process") (param $len i32) (result i32)
    (local $i i32) (local $in i32) (local $out i32)
    (if (i32.ne (local.get $len) (call $input_len)) (then unreachable))
    (local.set $in (call $input))
    (drop (call $output (i32.const 1)))
    (local.set $out (call $output (i32.add (local.get $len) (i32.const 1))))
    (if (i32.lt_s (local.get $out) (i32.const 0)) (then (return (local.get $out))))
    (i32.store8 (local.get $out) (i32.load8_u (i32.const 64)))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $i) (local.get $len)))
        (i32.store8 offset=1 (i32.add (local.get $out) (local.get $i))
          (i32.add (i32.load8_u (i32.add (local.get $in) (local.get $i))) (i32.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.add (local.get $len) (i32.const 1))))
