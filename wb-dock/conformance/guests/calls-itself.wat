;; Runs the command `self`, and exits with 1 more than that did; with 100 if it
;; could not be run because runs would nest too deep.
(module
  (import "wb:commands" "run" (func $run (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "self")
  (func (export "_start") (local $status i32)
    (local.set $status (call $run
      (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (if (i32.eq (local.get $status) (i32.const -2)) (then (call $exit (i32.const 100))))
    (if (i32.lt_s (local.get $status) (i32.const 0)) (then (call $exit (i32.const 50))))
    (call $exit (i32.add (local.get $status) (i32.const 1)))))
