/** The process-wide default heap, made on first use, and the C functions on it. */
import { type Address, textOf } from '@vmalloc/memory'
import type { Addresses } from './batch.ts'
import { Heap } from './heap.ts'

let heap: Heap | undefined

/** The heap behind {@link emalloc} and {@link efree} in this thread; made on first use, not shared. */
export function defaultHeap(): Heap {
  heap ??= Heap.create()
  return heap
}

/**
 * Makes `replacement` the default heap of this thread: a Worker that attached to a shared heap calls this to share it.
 *
 * @returns The heap it replaces, if one was made.
 * @throws TypeError when `replacement` is no heap; then nothing changed.
 */
export function setDefaultHeap(replacement: Heap): Heap | undefined {
  if (!(replacement instanceof Heap))
    throw new TypeError(`replacement is ${textOf(replacement)}: it must be a Heap`)
  const before = heap
  heap = replacement
  return before
}

/** {@link Heap.malloc} on the default heap, but `emalloc(0)` gives 0, as in the C original. */
export function emalloc(size: number): Address {
  return size === 0 ? 0 : defaultHeap().malloc(size)
}

/** {@link Heap.free} on the default heap. */
export function efree(address: Address): void {
  defaultHeap().free(address)
}

/** {@link Heap.allocMany} on the default heap, but a size of 0 gives addresses that are 0. */
export function eallocMany(size: number, addresses: Uint32Array): boolean {
  if (size !== 0) return defaultHeap().allocMany(size, addresses)
  addresses.fill(0)
  return true
}

/** {@link Heap.freeMany} on the default heap. */
export function efreeMany(addresses: Addresses): void {
  defaultHeap().freeMany(addresses)
}

/** {@link Heap.calloc} on the default heap. */
export function ecalloc(count: number, size: number): Address {
  return defaultHeap().calloc(count, size)
}

/** {@link Heap.realloc} on the default heap. */
export function erealloc(address: Address, size: number): Address {
  return defaultHeap().realloc(address, size)
}

/** {@link Heap.alignedAlloc} on the default heap. */
export function ealignedAlloc(size: number, alignment: number): Address {
  return defaultHeap().alignedAlloc(size, alignment)
}

/** {@link Heap.usableSize} on the default heap. */
export function eusableSize(address: Address): number {
  return defaultHeap().usableSize(address)
}

/** {@link Heap.goodSize} on the default heap; `egoodSize(0)` is 0, as `emalloc(0)` gives nothing. */
export function egoodSize(size: number): number {
  return size === 0 ? 0 : defaultHeap().goodSize(size)
}

/** {@link Heap.dup} on the default heap. */
export function edup(address: Address): Address {
  return defaultHeap().dup(address)
}

/** {@link Heap.freeAll} on the default heap. @returns How many blocks there were. */
export function efreeAll(): number {
  return defaultHeap().freeAll()
}
