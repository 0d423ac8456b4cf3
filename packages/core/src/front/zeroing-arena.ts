/**
 * An arena that leaves no old bytes behind: blocks are wiped when they are handed out, when they are freed, or both.
 *
 * Invariant with either option on: whatever lies in a block beyond the size last asked for, and was not written there
 * by the owner himself since, is zero. So `realloc` shows neither the bytes that it cut off before nor those of another
 * owner. Cost: a fill of the usable bytes for each block; pages that are known to be zero are not filled again.
 */
import type { Address, AddressSpace, Memory } from '@vmalloc/memory'
import { Arena } from '../arena.ts'
import type { HeapParts } from '../composition.ts'

/** Flags in the heap's control block: all threads agree, for they read them there. */
export const ZERO_ON_ALLOC = 1
export const ZERO_ON_FREE = 2

/** Below this many bytes no wide fill pays. */
const WORD_BYTES = 8

export class ZeroingArena extends Arena {
  declare private readonly onAlloc: boolean
  declare private readonly onFree: boolean

  constructor(space: AddressSpace, control: Address, parts: HeapParts, flags: number) {
    super(space, control, parts)
    this.onAlloc = (flags & ZERO_ON_ALLOC) !== 0
    this.onFree = (flags & ZERO_ON_FREE) !== 0
  }

  override allocate(size: number): Address {
    if (this.onAlloc && this.comesZeroed(size)) return super.allocateZeroed(size)
    return this.wipedIfWanted(super.allocate(size))
  }

  override allocateZeroed(size: number): Address {
    return this.onAlloc ? this.allocate(size) : super.allocateZeroed(size)
  }

  override allocateAligned(size: number, alignment: number): Address {
    return this.wipedIfWanted(super.allocateAligned(size, alignment))
  }

  override free(payload: Address): void {
    if (this.onFree) {
      const block = this.marking.verify(payload)
      wipe(this.memory, payload, payload + this.usableSize(payload, block))
    }
    super.free(payload)
  }

  override resize(payload: Address, block: Address, size: number): boolean {
    const { memory } = this
    const end = payload + this.usableSize(payload, block)
    const cut = Math.min(payload + size, end)
    // The tail is wiped before it is given back, for then it is not ours any more; kept, in case it stays after all.
    const tail = memory.u8.slice(cut, end)
    wipe(memory, cut, end)
    if (!super.resize(payload, block, size)) {
      memory.u8.set(tail, cut)
      return false
    }
    wipe(memory, end, payload + this.usableSize(payload, this.marking.verify(payload)))
    return true
  }

  /** Whether a block of `size` bytes comes from pages known to be zero, slack included. */
  private comesZeroed(size: number): boolean {
    const { large, largeFrom } = this.parts
    return size >= largeFrom && 'allocateZeroed' in large.layer
  }

  private wipedIfWanted(payload: Address): Address {
    if (payload !== 0 && this.onAlloc) {
      const block = this.marking.verify(payload)
      wipe(this.memory, payload, payload + this.usableSize(payload, block))
    }
    return payload
  }
}

/** Zeroes [from, to), in words of 8 bytes where it can; an empty range is fine. */
export function wipe(memory: Memory, from: Address, to: Address): void {
  if (to <= from) return
  const first = Math.min(Math.ceil(from / WORD_BYTES) * WORD_BYTES, to)
  const last = Math.max(Math.floor(to / WORD_BYTES) * WORD_BYTES, first)
  memory.u8.fill(0, from, first)
  memory.zero(first, last - first)
  memory.u8.fill(0, last, to)
}
