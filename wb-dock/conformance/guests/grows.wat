;; Grows its memory by a mebibyte at a time and writes to it.
(module
  (memory (export "memory") 1)
  (func (export "_start") (local $at i32)
    (loop $again
      (local.set $at (i32.mul (memory.grow (i32.const 16)) (i32.const 0x10000)))
      (memory.fill (local.get $at) (i32.const 1) (i32.const 0x100000))
      (br $again))))
