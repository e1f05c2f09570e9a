;; Fills its whole memory with random bytes over and over, one call at a time.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 800)
  (func (export "_start")
    (loop $again
      (if (call $random (i32.const 0) (i32.const 52428800)) (then unreachable))
      (br $again))))
