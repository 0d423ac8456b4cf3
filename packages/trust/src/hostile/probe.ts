/** What a heap made of hostile bytes may do: work, or say in a typed error that it does not. */
import {
  Heap,
  HeapCorruptionError,
  InvariantError,
  MemoryError,
  SnapshotError,
} from '@vmalloc/core'

/** Whether an error is one that the documentation names; anything else, a TypeError for example, is a bug. */
export function isTyped(error: unknown): boolean {
  if (
    error instanceof MemoryError ||
    error instanceof InvariantError ||
    error instanceof HeapCorruptionError ||
    error instanceof SnapshotError
  ) {
    return true
  }
  return error instanceof RangeError && error.message.startsWith('composition is ')
}

/** Result of {@link probe}. */
export type Verdict = 'refused' | 'reported' | 'works'

/**
 * Attaches and uses.
 *
 * @param addresses - Blocks that were live before the bytes were damaged.
 * @throws What is no typed error; an Error when a refused buffer was changed.
 */
export function probe(buffer: ArrayBuffer, addresses: readonly number[]): Verdict {
  let heap: Heap
  const before = new Uint8Array(buffer.slice(0, Math.min(buffer.byteLength, 8192)))
  try {
    heap = Heap.attach(buffer)
  } catch (error) {
    if (!isTyped(error)) throw error
    const after = new Uint8Array(buffer, 0, before.length)
    if (before.some((byte, i) => byte !== after[i]))
      throw new Error(`a refused buffer was changed: ${String(error)}`, { cause: error })
    return 'refused'
  }
  let reported = 0
  const attempt = (action: () => unknown): void => {
    try {
      action()
    } catch (error) {
      if (!isTyped(error)) throw error
      reported++
    }
  }
  attempt(() => heap.check())
  for (const size of [1, 40, 500, 5000, 140_000]) attempt(() => heap.free(heap.malloc(size)))
  for (const address of addresses) {
    attempt(() => heap.free(heap.realloc(address, 300) || address))
  }
  attempt(() => heap.alignedAlloc(100, 256))
  attempt(() => heap.leaks())
  attempt(() => heap.stats())
  attempt(() => heap.check())
  return reported === 0 ? 'works' : 'reported'
}
