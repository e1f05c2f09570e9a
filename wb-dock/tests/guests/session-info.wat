;; Writes what `wb:session` tells to standard output.
(module
  (import "wb:session" "info" (func $info (result i32)))
  (import "wb:reply" "read" (func $reply (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (call $info))
    (drop (call $reply (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 4096)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
