;; Passes standard input as the inputs of `run_many` to the command `child`, writes
;; the results to standard output and exits with the count.
(module
  (import "wb:parallel" "run_many" (func $run (param i32 i32 i32 i32) (result i32)))
  (import "wb:reply" "len" (func $len (param i32) (result i32)))
  (import "wb:reply" "read" (func $reply (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 3)
  (data (i32.const 64) "child")
  (func (export "_start") (local $count i32) (local $size i32)
    (i32.store (i32.const 0) (i32.const 0x10000))
    (i32.store (i32.const 4) (i32.const 0x10000))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $count
      (call $run (i32.const 64) (i32.const 5) (i32.const 0x10000) (i32.load (i32.const 8))))
    (local.set $size (call $len (i32.const 1)))
    (drop (call $reply (i32.const 1) (i32.const 0) (i32.const 0x20000) (i32.const 0x10000)))
    (i32.store (i32.const 0) (i32.const 0x20000))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $exit (i32.and (local.get $count) (i32.const 255)))))
