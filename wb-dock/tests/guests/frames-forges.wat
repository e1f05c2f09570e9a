;; Writes 0xff over all memory it can reach, its own and the arena, then hands its
;; input on.
(module
  (import "wb:frames" "input" (func $input (result i32)))
  (import "wb:frames" "output" (func $output (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "out_ptr") (result i32) (i32.const 1024))
  (func (export "process") (param $len i32) (result i32)
    (drop (call $output (local.get $len)))
    (memory.fill (i32.const 0) (i32.const 0xff)
      (i32.mul (memory.size) (i32.const 65536)))
    (local.get $len)))
