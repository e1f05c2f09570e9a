;; Imports what nobody has.
(module
  (import "env" "system" (func $system (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_exec" (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $system (i32.const 0)))))
