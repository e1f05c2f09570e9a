;; Creates empty files with names of four bytes, one after the other.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $n i32)
    (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      ;; Six bits of the number in each byte, from `0` upwards.
      (i32.store8 (i32.const 32) (i32.add (i32.const 48) (i32.and (local.get $n) (i32.const 63))))
      (i32.store8 (i32.const 33)
        (i32.add (i32.const 48) (i32.and (i32.shr_u (local.get $n) (i32.const 6)) (i32.const 63))))
      (i32.store8 (i32.const 34)
        (i32.add (i32.const 48) (i32.and (i32.shr_u (local.get $n) (i32.const 12)) (i32.const 63))))
      (i32.store8 (i32.const 35)
        (i32.add (i32.const 48) (i32.and (i32.shr_u (local.get $n) (i32.const 18)) (i32.const 63))))
      (if (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4)
            (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16))
        (then unreachable))
      (if (call $close (i32.load (i32.const 16))) (then unreachable))
      (br $again))))
