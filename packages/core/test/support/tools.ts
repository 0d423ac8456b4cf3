/** What the tests of the core share: patterns in blocks, pictures of a heap, errors as values. Runs in browsers too. */
import { type Address, type Heap, type HeapBlock, HeapCorruptionError } from '@vmalloc/core'

export const PRESETS = ['default', 'classic'] as const

export const KIB = 1024
export const MIB: number = 1024 * KIB
export const GIB: number = 1024 * MIB

/** Writes a pattern that depends on `cookie` and on the place: a block moved or cut does not pass for another. */
export function fill(heap: Heap, address: Address, size: number, cookie: number): void {
  const { u8, u32 } = heap.memory
  const words = size >>> 2
  const first = address >>> 2
  for (let i = 0; i < words; i++) u32[first + i] = cookie + i
  for (let i = words * 4; i < size; i++) u8[address + i] = cookie + i
}

/** @returns Offset of the first word or byte of the pattern that changed, -1 when none did. */
export function damage(heap: Heap, address: Address, size: number, cookie: number): number {
  const { u8, u32 } = heap.memory
  const words = size >>> 2
  const first = address >>> 2
  for (let i = 0; i < words; i++) if (u32[first + i] !== (cookie + i) >>> 0) return i * 4
  for (let i = words * 4; i < size; i++) if (u8[address + i] !== ((cookie + i) & 255)) return i
  return -1
}

/** All pieces of a heap in address order. */
export function pieces(heap: Heap): HeapBlock[] {
  const found: HeapBlock[] = []
  heap.walk((block) => found.push(block))
  return found
}

/**
 * What must not change when a call fails: the blocks in use and their figures. Blocks that a thread keeps ready may go
 * back to the arena meanwhile.
 */
export function usage(heap: Heap): object {
  const { live, blocks } = heap.stats()
  return { live, blocks, used: usedBlocks(heap) }
}

/** Only the blocks in use. */
export function usedBlocks(heap: Heap): HeapBlock[] {
  return pieces(heap).filter(({ state }) => state === 'used')
}

/** @returns What `action` throws. Fails when it throws nothing. */
export function thrownBy(action: () => unknown): unknown {
  let result: unknown
  try {
    result = action()
  } catch (error) {
    return error
  }
  throw new Error(`nothing was thrown; the result is ${String(result)}`)
}

/** @returns The corruption error that `action` throws; anything else fails the test as it is. */
export function corruptionOf(action: () => unknown): HeapCorruptionError {
  const error = thrownBy(action)
  if (error instanceof HeapCorruptionError) return error
  throw error
}

/** Allocates or fails: for tests in which there is room. */
export function mallocOrFail(heap: Heap, size: number): Address {
  const address = heap.malloc(size)
  if (address === 0) throw new Error(`no room for ${size} bytes`)
  return address
}
