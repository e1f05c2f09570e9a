;; Asks the key `wait` for its value, and writes "one".
(module
  (import "wb:kv" "get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\20\00\00\00\03\00\00\00")
  (data (i32.const 16) "wait")
  (data (i32.const 32) "one")
  (func (export "_start")
    (drop (call $get (i32.const 16) (i32.const 4)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
