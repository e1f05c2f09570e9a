;; Runs `echo abcde` through the Dock and exits with its exit code, or with 100
;; more than the error's number.
(module
  (import "wb:commands" "run" (func $run (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "echo")
  (data (i32.const 16) "abcde\00")
  (func (export "_start") (local $code i32)
    (local.set $code
      (call $run (i32.const 0) (i32.const 4) (i32.const 16) (i32.const 6) (i32.const 0) (i32.const 0)))
    (if (i32.lt_s (local.get $code) (i32.const 0))
      (then (call $exit (i32.sub (i32.const 100) (local.get $code)))))
    (call $exit (local.get $code))))
