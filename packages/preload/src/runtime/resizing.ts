/**
 * `realloc` in replace mode: where a block may stay, where it moves to, and what becomes of one that is damaged.
 *
 * A program that resizes a damaged block, or one it freed before, is told nothing, as it would not be without us: it gets
 * the old content in a new block. A result of 0 would look like an exhausted memory, and lead it astray.
 */
import type { Address } from '@vmalloc/memory'
import type { NumberFunction } from './originals.ts'
import type { Replacement } from './replacement.ts'
import { copyWords } from './words.ts'

/** dlmalloc's limit: requests from here on always fail. */
export const TOO_BIG_BYTES = 0xffff0000
/** Blocks longer than this may grow where they lie. */
const LONG_BYTES = 2048

export class Resizing {
  private readonly replacement: Replacement
  private readonly supply: NumberFunction
  private readonly zeroFrees: boolean

  /**
   * @param supply - The original malloc.
   * @param zeroFrees - Whether the original's `realloc(p, 0)` frees.
   */
  constructor(replacement: Replacement, supply: NumberFunction, zeroFrees: boolean) {
    this.replacement = replacement
    this.supply = supply
    this.zeroFrees = zeroFrees
  }

  /** `original(address, second, third)` answers for blocks that are not ours. */
  reallocate(
    address: Address,
    size: number,
    original: NumberFunction,
    second: number,
    third: number,
  ): Address {
    if (address === 0) {
      const fresh = size >= TOO_BIG_BYTES ? 0 : this.replacement.allocate(size)
      return fresh === 0 ? this.replacement.originals.call(original, 0, second, third) : fresh
    }
    if (!this.replacement.pages.has(address)) {
      this.replacement.ledger.foreign++
      return this.replacement.originals.call(original, address, second, third)
    }
    this.replacement.ledger.countSize(size)
    if (size === 0 && this.zeroFrees) {
      this.replacement.free(address)
      return 0
    }
    try {
      const { blocks } = this.replacement
      if (blocks !== null) this.replacement.requireGuard(address, blocks.sizeAt(address))
      const moved = size >= TOO_BIG_BYTES ? 0 : this.resize(address, size)
      if (moved === 0) return this.moveToOriginal(address, size)
      if (blocks !== null) {
        this.replacement.stacks.release(blocks.release(address))
        this.replacement.born(blocks, moved, size)
      }
      return moved
    } catch (error) {
      return this.salvage(error, address, size)
    }
  }

  /**
   * A block that fits and is not half empty stays. A short one that does not fit moves, as it would have to go to another
   * pool anyway; for a long one the heap looks for room behind it.
   *
   * @returns 0 when there is no room.
   */
  private resize(address: Address, size: number): Address {
    const { heap } = this.replacement
    const usable = heap.usableSize(address)
    const wanted = Math.max(size + this.replacement.extra, 1)
    if (wanted <= usable && wanted > usable >>> 1) return address
    if (usable > LONG_BYTES) return heap.realloc(address, wanted)
    const moved = heap.malloc(wanted)
    if (moved === 0) return 0
    copyWords(heap.memory, address, moved, Math.min(usable, wanted))
    heap.free(address)
    return moved
  }

  /** Our heap has no room: the original may have, and if it has none it says so its own way. */
  private moveToOriginal(address: Address, size: number): Address {
    const moved = this.replacement.originals.call(this.supply, size)
    if (moved === 0) return 0
    this.copyTo(moved, address, Math.min(size, this.replacement.sizeOf(address)))
    this.replacement.free(address)
    return moved
  }

  /**
   * A resize that met an error. The block is left where it is, and the program gets its content in a new one, if only
   * its size is known: without us it would have gone on, and what it did wrong is in the report.
   *
   * @returns 0 for a pointer to nowhere, or into a block.
   */
  private salvage(thrown: unknown, address: Address, size: number): Address {
    const error = this.replacement.enter(thrown, 'realloc', address)
    // The size of an invalid pointer is that of the block around it.
    const kept = error?.code === 'INVALID_POINTER' ? undefined : error?.size
    if (kept === undefined || size >= TOO_BIG_BYTES) return 0
    const fresh = this.replacement.allocate(size)
    const moved = fresh === 0 ? this.replacement.originals.call(this.supply, size) : fresh
    if (moved !== 0) this.copyTo(moved, address, Math.min(size, kept))
    return moved
  }

  private copyTo(to: Address, from: Address, bytes: number): void {
    this.replacement.memory.u8.copyWithin(to, from, from + bytes)
  }
}
