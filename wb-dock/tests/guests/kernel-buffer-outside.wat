;; Its input buffer is where it has no memory.
(module
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 65537))
  (func (export "out_ptr") (result i32) (i32.const 0))
  (func (export "process") (param i32) (result i32) (i32.const 0)))
