;; Does what the first byte of its frame says; counts its calls in memory.
(module
  (memory (export "memory") 1)
  (func (export "in_ptr") (result i32) (i32.const 1024))
  (func (export "out_ptr") (result i32) (i32.const 0))
  (func $recurses (param i32) (result i32)
    (i32.add (call $recurses (local.get 0)) (i32.const 1)))
  (func (export "process") (param $len i32) (result i32)
    (local $what i32)
    (local.set $what (i32.load8_u (i32.const 1024)))
    (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
    (if (i32.eq (local.get $what) (i32.const 0x74)) (then unreachable)) ;; t: traps
    (if (i32.eq (local.get $what) (i32.const 0x73)) (then (loop $again (br $again)))) ;; s: spins
    (if (i32.eq (local.get $what) (i32.const 0x72)) ;; r: recurses
      (then (return (call $recurses (i32.const 0)))))
    (if (i32.eq (local.get $what) (i32.const 0x67)) ;; g: grows
      (then (loop $more (drop (memory.grow (i32.const 16))) (br $more))))
    (if (i32.eq (local.get $what) (i32.const 0x66)) (then (return (i32.const -7)))) ;; f: fails
    (if (i32.eq (local.get $what) (i32.const 0x6c)) (then (return (i32.const 65537)))) ;; l: too long
    (i32.const 1)))
