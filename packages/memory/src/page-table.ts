/**
 * A sparse table from page number to one or four words, two levels deep, that lies in the memory.
 *
 *     directory (part of a control block)      leaf (one page, made when its segment is first used)
 *     +--------+--------+--------+----         +----------------+----------------+----
 *     | leaf 0 | leaf 1 |   0    | ...         | page 0: c words| page 1: c words| ...   1024 words
 *     +--------+--------+--------+----         +----------------+----------------+----
 *
 * With c columns a leaf serves 1024 / c pages: 4 MiB for one column, 1 MiB for four. A missing leaf reads as zeros, so
 * a look-up needs no range check: two loads, and a third for the directory's own bound.
 */
import type { Address } from './contract.ts'
import { PAGE_BITS, PAGE_BYTES } from './layout.ts'
import type { Memory } from './memory.ts'

const LEAF_WORD_BITS = 10

/** A handle on a table; all its state lies in the directory and the leaves. */
export class PageTable {
  declare private readonly memory: Memory
  /** Word index of the directory. */
  declare private readonly directory: number
  declare private readonly columnBits: number
  /** Entries of the directory. */
  declare private readonly segments: number
  /** log2 of the pages that one leaf serves. */
  declare readonly segmentBits: number

  /**
   * @param directory - Address of a zeroed area of {@link PageTable.directoryBytes} bytes, or of a used one to attach.
   * @param columns - Words per page: 1, 2 or 4.
   */
  constructor(memory: Memory, directory: Address, columns: 1 | 2 | 4) {
    this.memory = memory
    this.directory = directory >>> 2
    this.columnBits = columns >> 1
    this.segments = PageTable.segments(memory.maximum, columns)
    this.segmentBits = LEAF_WORD_BITS - this.columnBits
  }

  /** Bytes of a directory that reaches up to `maximum` bytes of memory. */
  static directoryBytes(maximum: number, columns: 1 | 2 | 4): number {
    return 4 * PageTable.segments(maximum, columns)
  }

  /** Segments, and so directory entries, up to `maximum` bytes. */
  static segments(maximum: number, columns: 1 | 2 | 4): number {
    return Math.ceil(maximum / 2 ** (LEAF_WORD_BITS - (columns >> 1) + PAGE_BITS))
  }

  /** Whether the segment of `page` has a leaf. `page` must lie below the maximum. */
  hasLeaf(page: number): boolean {
    return this.memory.u32[this.directory + (page >>> this.segmentBits)] !== 0
  }

  /** Gives the segment of `page` a leaf: one zeroed page at `address`. */
  setLeaf(page: number, address: Address): void {
    this.memory.u32[this.directory + (page >>> this.segmentBits)] = address
  }

  /** Whether a leaf of this table lies at `address`; for repairs. Cost: linear in the directory. */
  isLeaf(address: Address): boolean {
    const { u32 } = this.memory
    for (let segment = 0; segment < this.segments; segment++) {
      if (u32[this.directory + segment] === address) return true
    }
    return false
  }

  /** Forgets the leaves that lie at or beyond `end`, and makes their pages zero again: a growth that set them was cut short. */
  dropLeavesFrom(end: Address): void {
    const { u32, u8 } = this.memory
    for (let segment = 0; segment < this.segments; segment++) {
      const leaf = u32[this.directory + segment]
      if (leaf < end || leaf === 0) continue
      u8.fill(0, leaf, leaf + PAGE_BYTES)
      u32[this.directory + segment] = 0
    }
  }

  /** Forgets the leaves in which every word is 0. @returns Their addresses. */
  dropEmptyLeaves(): Address[] {
    const { u32 } = this.memory
    const dropped: Address[] = []
    for (let segment = 0; segment < this.segments; segment++) {
      const leaf = u32[this.directory + segment]
      if (leaf === 0) continue
      const words = u32.subarray(leaf >>> 2, (leaf + PAGE_BYTES) >>> 2)
      if (words.some((word) => word !== 0)) continue
      u32[this.directory + segment] = 0
      dropped.push(leaf)
    }
    return dropped
  }

  /** Addresses of all leaves. */
  leaves(): Address[] {
    const { u32 } = this.memory
    const found: Address[] = []
    for (let segment = 0; segment < this.segments; segment++) {
      if (u32[this.directory + segment] !== 0) found.push(u32[this.directory + segment])
    }
    return found
  }

  /** Word index of the first column of `page`, or 0 when its segment has no leaf. */
  slot(page: number): number {
    const leaf = this.memory.u32[this.directory + (page >>> this.segmentBits)]
    if (leaf === 0) return 0
    return (leaf >>> 2) + ((page & ((1 << this.segmentBits) - 1)) << this.columnBits)
  }

  /** First column of `page`, 0 when its segment has no leaf. */
  get(page: number): number {
    const slot = this.slot(page)
    return slot === 0 ? 0 : this.memory.u32[slot]
  }
}
