;; Prints a file, changes the tree, and prints what a directory then is like.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir"
    (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename"
    (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file"
    (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 100) "a/b.txt")
  (data (i32.const 110) "d")
  (data (i32.const 120) "d/e.txt")
  (data (i32.const 130) "c.txt")
  (data (i32.const 140) "a/new")
  (func $check (param $step i32) (param $errno i32)
    (if (local.get $errno) (then (call $exit (local.get $step)))))
  ;; Writes a range of memory to a descriptor.
  (func $put (param $fd i32) (param $ptr i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $ptr))
    (i32.store (i32.const 4) (local.get $len))
    (call $check (i32.const 10) (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    ;; Print `a/b.txt`.
    (call $check (i32.const 1) (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 7)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 100))
    (call $check (i32.const 2)
      (call $read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $put (i32.const 1) (i32.const 1024) (i32.load (i32.const 8)))
    (call $check (i32.const 3) (call $close (i32.load (i32.const 16))))
    ;; Make `d`, move the file there, remove `c.txt`, make `a/new`.
    (call $check (i32.const 4) (call $mkdir (i32.const 3) (i32.const 110) (i32.const 1)))
    (call $check (i32.const 5) (call $rename (i32.const 3) (i32.const 100) (i32.const 7)
      (i32.const 3) (i32.const 120) (i32.const 7)))
    (call $check (i32.const 6) (call $unlink (i32.const 3) (i32.const 130) (i32.const 5)))
    (call $check (i32.const 7) (call $open (i32.const 3) (i32.const 0) (i32.const 140) (i32.const 5)
      (i32.const 5) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
    (call $put (i32.load (i32.const 16)) (i32.const 100) (i32.const 7))
    (call $put (i32.load (i32.const 16)) (i32.const 130) (i32.const 5))
    (call $check (i32.const 8) (call $close (i32.load (i32.const 16))))
    ;; What was removed is gone: ENOENT.
    (if (i32.ne (i32.const 44) (call $open (i32.const 3) (i32.const 0) (i32.const 130) (i32.const 5)
          (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
      (then (call $exit (i32.const 9))))
    (i32.store8 (i32.const 111) (i32.const 32))
    (call $put (i32.const 1) (i32.const 110) (i32.const 2))))
