/**
 * A WebAssembly program on our malloc: it sorts numbers by insertion into a list whose nodes it allocates, in the memory
 * of the heap, so JavaScript and WebAssembly hand each other pointers.
 */
import type { Heap } from '@vmalloc/core'
import wabt from 'wabt'

const TEXT = `
(module
  (import "env" "memory" (memory 1))
  (import "env" "malloc" (func $malloc (param i32) (result i32)))
  (import "env" "free" (func $free (param i32)))

  ;; insert(head, value): a new node where it belongs; the new head. A node: next, value.
  (func $insert (param $head i32) (param $value i32) (result i32)
    (local $node i32) (local $at i32)
    (local.set $node (call $malloc (i32.const 8)))
    (if (i32.eqz (local.get $node)) (then (unreachable)))
    (i32.store offset=4 (local.get $node) (local.get $value))
    (if (i32.or (i32.eqz (local.get $head))
                (i32.le_s (local.get $value) (i32.load offset=4 (local.get $head))))
      (then
        (i32.store (local.get $node) (local.get $head))
        (return (local.get $node))))
    (local.set $at (local.get $head))
    (block $found
      (loop $next
        (br_if $found (i32.eqz (i32.load (local.get $at))))
        (br_if $found (i32.le_s (local.get $value) (i32.load offset=4 (i32.load (local.get $at)))))
        (local.set $at (i32.load (local.get $at)))
        (br $next)))
    (i32.store (local.get $node) (i32.load (local.get $at)))
    (i32.store (local.get $at) (local.get $node))
    (local.get $head))

  ;; sort(address, n): the n words there, in place.
  (func (export "sort") (param $address i32) (param $n i32)
    (local $head i32) (local $i i32) (local $dead i32)
    (block $read
      (loop $next
        (br_if $read (i32.eq (local.get $i) (local.get $n)))
        (local.set $head (call $insert (local.get $head)
          (i32.load (i32.add (local.get $address) (i32.shl (local.get $i) (i32.const 2))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.set $i (i32.const 0))
    (block $written
      (loop $next
        (br_if $written (i32.eqz (local.get $head)))
        (i32.store (i32.add (local.get $address) (i32.shl (local.get $i) (i32.const 2)))
          (i32.load offset=4 (local.get $head)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (local.set $dead (local.get $head))
        (local.set $head (i32.load (local.get $head)))
        (call $free (local.get $dead))
        (br $next)))))`

/** @returns The program's function: sorts `n` 32-bit words at an address of the heap. */
export async function instantiateSorter(heap: Heap): Promise<(address: number, n: number) => void> {
  const memory = heap.memory.wasm
  if (memory === null) throw new TypeError('the heap must lie in a WebAssembly.Memory')
  const module = (await wabt()).parseWat('sort.wat', new TextEncoder().encode(TEXT))
  const { buffer } = module.toBinary({})
  module.destroy()
  const env = { memory, ...heap.wasmImports() }
  const { instance } = await WebAssembly.instantiate(buffer as BufferSource, { env })
  return instance.exports['sort'] as (address: number, n: number) => void
}

/** Sorts numbers by way of the heap. */
export function sortWith(
  heap: Heap,
  sort: (address: number, n: number) => void,
  numbers: readonly number[],
): number[] {
  using array = heap.allocArray(Int32Array, numbers.length)
  array.array.set(numbers)
  sort(array.address, numbers.length)
  // The program may have made the memory grow: the array is asked for anew.
  return [...array.array]
}
