;; Wants 512 MiB of memory from the start.
(module
  (memory (export "memory") 8192)
  (func (export "_start")))
