/**
 * Putting functions around the family of one handle: for recording, wiping and pressure.
 *
 * The handle gets methods of its own that hide those of its class. Handles that ask for none of this pay nothing, and
 * the functions of the class stay free of tests for them.
 */
import type { Address } from '@vmalloc/memory'
import { type Addresses, allOrNothing, fillFrom, freeEach } from '../batch.ts'

/** The calls by which memory changes hands. */
export interface Family {
  malloc(size: number): Address
  free(address: Address): void
  calloc(count: number, size: number): Address
  realloc(address: Address, size: number): Address
  alignedAlloc(size: number, alignment: number): Address
  freeAll(): number
  tryMalloc(size: number): Address
  mallocAsync(size: number, options?: Waiting): Promise<Address>
  freeAsync(address: Address, options?: Waiting): Promise<void>
}

/** A family that also has calls for many blocks at once. */
export interface BatchFamily extends Family {
  allocMany(size: number, addresses: Uint32Array): boolean
  freeMany(addresses: Addresses): void
}

/** How a call that does not block waits for the lock. */
export interface Waiting {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Batches are served one by one then, through the functions that were put around those for a single block.
 *
 * @param heap - The handle.
 * @param wrap - Gets the functions as they are, and gives those that take their place.
 * @returns Puts back what was there before.
 * @throws Error, from what is returned, when other functions were put around these since: those go first.
 */
export function interpose(
  heap: BatchFamily,
  wrap: (before: Family) => Partial<Family>,
): () => void {
  const { malloc, free, calloc, realloc, alignedAlloc, freeAll } = heap
  const { tryMalloc, mallocAsync, freeAsync, allocMany, freeMany } = heap
  const before: Family = {
    malloc: (size) => malloc.call(heap, size),
    free: (address) => free.call(heap, address),
    calloc: (count, size) => calloc.call(heap, count, size),
    realloc: (address, size) => realloc.call(heap, address, size),
    alignedAlloc: (size, alignment) => alignedAlloc.call(heap, size, alignment),
    freeAll: () => freeAll.call(heap),
    tryMalloc: (size) => tryMalloc.call(heap, size),
    mallocAsync: (size, options) => mallocAsync.call(heap, size, options),
    freeAsync: (address, options) => freeAsync.call(heap, address, options),
  }
  const freeOne = (address: Address): void => heap.free(address)
  const batches: Pick<BatchFamily, 'allocMany' | 'freeMany'> = {
    allocMany: (size, addresses) =>
      allOrNothing(addresses, freeOne, () => fillFrom(addresses, 0, () => heap.malloc(size))),
    freeMany: (addresses) => freeEach(addresses, 0, freeOne),
  }
  const installed = wrap(before)
  Object.assign(heap, batches, installed)
  // Not deleted: an object that loses properties is slow ever after.
  return () => {
    if (heap.malloc !== installed.malloc)
      throw new Error(
        'a recorder that was started later on this handle goes on: stop that one first',
      )
    Object.assign(heap, { malloc, free, calloc, realloc, alignedAlloc, freeAll })
    Object.assign(heap, { tryMalloc, mallocAsync, freeAsync, allocMany, freeMany })
  }
}
