;; Returns what it was given; counts its calls; or goes wrong.
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  (global $calls (mut i32) (i32.const 0))

  (func (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $fits
      (loop $more
        (br_if $fits
          (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $more (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))
        unreachable))
    (local.get $at))

  (func (export "run") (param $ptr i32) (param $len i32) (result i32)
    (i32.store (i32.const 16) (local.get $ptr))
    (i32.store (i32.const 20) (local.get $len))
    (i32.const 16))
  ;; What was lowered for a call is no longer needed after it.
  (func (export "cabi_post_run") (param i32) (global.set $next (i32.const 1024)))

  (func (export "count") (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (global.get $calls))
  (func (export "crash") unreachable)
  (func (export "spin") (loop $again (br $again)))
  (func (export "grow")
    (loop $again
      (drop (memory.grow (i32.const 16)))
      (br $again)))
  (func $recurse (export "recurse") (call $recurse)))
