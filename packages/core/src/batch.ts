/**
 * Many blocks in one call: what holds for a batch, however it is served.
 *
 * - Allocating is all or nothing: what was taken is given back when there is no room for the rest.
 * - Freeing goes from first to last, and ends at the first address that is bad: the error says which it is. Those before it
 *   are free then, it and those behind it are as they were.
 */
import { HeapCorruptionError } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'
import { isWord, rejectAddress } from './arguments.ts'

/** Addresses to be freed together; 0 is skipped. */
export type Addresses = Uint32Array | readonly Address[]

/**
 * All or nothing: unless `fill` writes an address into each element, those it wrote are freed again, and all are 0.
 *
 * @returns What `fill` returns: whether all are there.
 */
export function allOrNothing(
  into: Uint32Array,
  free: (address: Address) => void,
  fill: () => boolean,
): boolean {
  into.fill(0)
  let all = false
  try {
    all = fill()
    return all
  } finally {
    for (let i = 0; !all && i < into.length; i++) {
      if (into[i] !== 0) free(into[i] as Address)
      into[i] = 0
    }
  }
}

/** Writes what `allocate` gives into the elements from `first` on. @returns `false` as soon as it gives 0. */
export function fillFrom(into: Uint32Array, first: number, allocate: () => Address): boolean {
  for (let i = first; i < into.length; i++) {
    const address = allocate()
    if (address === 0) return false
    into[i] = address
  }
  return true
}

/** Frees a batch from index `first` on, one by one. @throws What `free` throws; a `HeapCorruptionError` with the index. */
export function freeEach(
  addresses: Addresses,
  first: number,
  free: (address: Address) => void,
): void {
  for (let i = first; i < addresses.length; i++) {
    const address = addresses[i] as Address
    if (address === 0) continue
    try {
      free(address)
    } catch (error) {
      throw atIndex(error, i)
    }
  }
}

/** The same error, with the place of the address in its batch. */
function atIndex(error: unknown, index: number): unknown {
  return error instanceof HeapCorruptionError ? error.with({ index }) : error
}

/** @throws TypeError unless `into` can hold the addresses of a batch whatever becomes of the heap's memory. */
export function requireRoom(into: unknown, memory: Memory): asserts into is Uint32Array {
  if (!(into instanceof Uint32Array)) throw new TypeError('addresses is no Uint32Array')
  if (into.buffer === memory.buffer)
    throw new TypeError('addresses is a view of the memory of the heap, which growth may detach')
}

/** @throws TypeError or `HeapCorruptionError` for the first of them that cannot be an address; then nothing was freed. */
export function requireAddresses(addresses: unknown): asserts addresses is Addresses {
  if (addresses instanceof Uint32Array) return
  if (!Array.isArray(addresses)) throw new TypeError('addresses is no Uint32Array and no array')
  addresses.forEach((address: unknown, index) => {
    if (isWord(address)) return
    try {
      rejectAddress(address)
    } catch (error) {
      throw atIndex(error, index)
    }
  })
}
