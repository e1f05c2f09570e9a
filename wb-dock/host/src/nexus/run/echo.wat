;; Copies stdin to stdout; exits with the length of its first argument.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $length i32)
    (loop $copy
      (i32.store (i32.const 0) (i32.const 4096))
      (i32.store (i32.const 4) (i32.const 4096))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8))
        (then
          (i32.store (i32.const 4) (i32.load (i32.const 8)))
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (br $copy))))
    (drop (call $sizes (i32.const 16) (i32.const 20)))
    (if (i32.lt_u (i32.load (i32.const 16)) (i32.const 2))
      (then (call $exit (i32.const 0))))
    ;; Pointers at 32, text at 1024; the second pointer is the first argument's.
    (drop (call $args (i32.const 32) (i32.const 1024)))
    (loop $count
      (if (i32.load8_u (i32.add (i32.load (i32.const 36)) (local.get $length)))
        (then
          (local.set $length (i32.add (local.get $length) (i32.const 1)))
          (br $count))))
    (call $exit (local.get $length))))
