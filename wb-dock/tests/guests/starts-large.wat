;; Asks for 512 MiB from the start.
(module
  (memory (export "memory") 8192)
  (func (export "_start")))
