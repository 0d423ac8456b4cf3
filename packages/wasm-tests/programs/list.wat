;; A linked list: value and next, eight bytes a node, in the memory that it imports.
(module
  (import "env" "memory" (memory 1))
  (import "env" "malloc" (func $malloc (param i32) (result i32)))
  (import "env" "free" (func $free (param i32)))

  ;; build(n): nodes n, n-1, .. 1; the head, 0 when there is no room.
  (func (export "build") (param $n i32) (result i32)
    (local $head i32) (local $node i32) (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $i) (local.get $n)))
        (local.set $node (call $malloc (i32.const 8)))
        (if (i32.eqz (local.get $node)) (then (return (i32.const 0))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (i32.store (local.get $node) (local.get $i))
        (i32.store offset=4 (local.get $node) (local.get $head))
        (local.set $head (local.get $node))
        (br $next)))
    (local.get $head))

  (func (export "sum") (param $node i32) (result i32)
    (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $node)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $node))))
        (local.set $node (i32.load offset=4 (local.get $node)))
        (br $next)))
    (local.get $sum))

  (func (export "release") (param $node i32)
    (local $dead i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $node)))
        (local.set $dead (local.get $node))
        (local.set $node (i32.load offset=4 (local.get $node)))
        (call $free (local.get $dead))
        (br $next))))

  ;; One byte behind a block of 8: what a buggy program does.
  (func (export "overflow") (param $size i32) (result i32)
    (local $block i32)
    (local.set $block (call $malloc (local.get $size)))
    (i32.store8 (i32.add (local.get $block) (local.get $size)) (i32.const 0x5a))
    (local.get $block)))
