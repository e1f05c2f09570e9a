;; Says that its frame is longer than it asked for.
(module
  (import "wb:frames" "output" (func $output (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "out_ptr") (result i32) (i32.const 1024))
  (func (export "process") (param $len i32) (result i32)
    (drop (call $output (local.get $len)))
    (i32.add (local.get $len) (i32.const 1))))
