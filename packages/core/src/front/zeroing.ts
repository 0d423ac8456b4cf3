/**
 * A heap that leaves no old bytes behind: blocks are wiped when they are handed out, when they are freed, or both.
 *
 * With either option `realloc` shows neither the bytes that it cut off before nor those of another owner. With wiping on
 * allocation, whatever lies in a block beyond the size last asked for, and was not written there by the owner himself
 * since, is zero; with wiping on free alone it may hold links of the allocator. Cost: a fill of the usable bytes of each
 * block.
 *
 * What is freed or cut off is wiped under the lock, when nothing can keep it from going any more: a call that ends in an
 * error has wiped nothing. What is handed out is wiped outside of it: by then it is its owner's.
 */
import type { Address, Memory } from '@vmalloc/memory'
import { isWord, requireWaiting } from '../arguments.ts'
import { ZERO_ON_ALLOC, ZERO_ON_FREE } from '../settings.ts'
import type { Session } from '../threads/session.ts'
import { freeAllBlocks } from './free-all.ts'
import { type BatchFamily, interpose } from './interpose.ts'

/** What wiping needs to know of a heap. */
export interface ZeroedHeap extends BatchFamily {
  readonly memory: Memory
  usableSize(address: Address): number
}

const WORD_BYTES = 8

/** Makes the family of `heap`, whose session is `session`, wipe as `flags` say. */
export function installZeroing(heap: ZeroedHeap, session: Session, flags: number): void {
  const onAlloc = (flags & ZERO_ON_ALLOC) !== 0
  const onFree = (flags & ZERO_ON_FREE) !== 0
  const wiped = (address: Address): Address => {
    if (address !== 0) wipe(heap.memory, address, address + heap.usableSize(address))
    return address
  }
  interpose(heap, (before) => {
    const malloc = (size: number): Address =>
      onAlloc ? wiped(before.malloc(size)) : before.malloc(size)
    const wipeAndFree = (address: Address): void => {
      session.prepareFree(address)
      wiped(address)
      session.freeInArena(address)
    }
    const free = (address: Address): void => {
      if (onFree && address !== 0 && isWord(address)) session.run(() => wipeAndFree(address))
      else before.free(address)
    }
    return {
      malloc,
      free,
      calloc: (count, size) => {
        const address = before.calloc(count, size)
        if (onAlloc && address !== 0)
          wipe(heap.memory, address + count * size, address + heap.usableSize(address))
        return address
      },
      alignedAlloc: (size, alignment) => {
        const address = before.alignedAlloc(size, alignment)
        return onAlloc ? wiped(address) : address
      },
      realloc: (address, size) => {
        // Zero, no number, not a block, not a size: the plain realloc knows what to do or to say.
        if (address === 0 || size === 0 || !isWord(size)) return before.realloc(address, size)
        const usable = heap.usableSize(address)
        if (resizeWiped(heap, session, address, usable, size)) return address
        const moved = malloc(size)
        const kept = Math.min(size, usable)
        if (moved === 0) {
          // A block that is long enough stays where it is; what was cut off of it is gone all the same.
          wipe(heap.memory, address + kept, address + usable)
          return size <= usable ? address : 0
        }
        heap.memory.u8.copyWithin(moved, address, address + kept)
        if (!onAlloc) wipe(heap.memory, moved + kept, moved + heap.usableSize(moved))
        try {
          free(address)
        } catch (error) {
          free(moved)
          throw error
        }
        return moved
      },
      tryMalloc: (size) => (onAlloc ? wiped(before.tryMalloc(size)) : before.tryMalloc(size)),
      mallocAsync: async (size, options) => {
        const address = await before.mallocAsync(size, options)
        return onAlloc ? wiped(address) : address
      },
      freeAsync: async (address, options) => {
        if (!onFree || address === 0 || !isWord(address)) return before.freeAsync(address, options)
        requireWaiting(options)
        await session.runAsync(() => wipeAndFree(address), options?.signal)
      },
      freeAll: () => (onFree ? freeAllBlocks(session, free) : before.freeAll()),
    }
  })
}

/** In place, leaving no byte of the tail that goes, and none of the former owner in the one that comes. */
function resizeWiped(
  heap: ZeroedHeap,
  session: Session,
  address: Address,
  usable: number,
  size: number,
): boolean {
  const { arena } = session
  const end = address + usable
  const cut = Math.min(address + size, end)
  const resized = session.run(() => {
    const block = arena.marking.verify(address)
    // The tail is wiped before it is given back, for then it is not ours any more; kept, in case it stays after all.
    const tail = heap.memory.u8.slice(cut, end)
    wipe(heap.memory, cut, end)
    let done = false
    try {
      done = arena.resize(address, block, size)
    } finally {
      if (!done) heap.memory.u8.set(tail, cut)
    }
    return done
  })
  if (resized) wipe(heap.memory, end, address + heap.usableSize(address))
  return resized
}

/** Zeroes [from, to), in words of 8 bytes where it can; an empty range is fine. */
function wipe(memory: Memory, from: Address, to: Address): void {
  if (to <= from) return
  const first = Math.min(Math.ceil(from / WORD_BYTES) * WORD_BYTES, to)
  const last = Math.max(Math.floor(to / WORD_BYTES) * WORD_BYTES, first)
  memory.u8.fill(0, from, first)
  memory.zero(first, last - first)
  memory.u8.fill(0, last, to)
}
