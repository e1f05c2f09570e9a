;; Imports a capability that no host service stands behind.
(module
  (import "wb:kv" "get" (func (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")))
