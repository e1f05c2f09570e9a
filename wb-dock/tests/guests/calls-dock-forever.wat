;; Asks for the session again and again.
(module
  (import "wb:session" "info" (func $info (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (drop (call $info)) (br $again))))
