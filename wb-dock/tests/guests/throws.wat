;; Throws and catches five million exceptions: setjmp and longjmp are made of these.
(module
  (tag $jump (param i32))
  (memory (export "memory") 1)
  (func (export "_start") (local $n i32)
    (loop $again
      (block $caught (result i32)
        (try_table (catch $jump $caught) (throw $jump (local.get $n)))
        unreachable)
      (i32.const 1)
      i32.add
      (local.set $n)
      (br_if $again (i32.lt_u (local.get $n) (i32.const 5000000))))))
