/**
 * Blocks by address, outside of the program's memory and so out of reach of its overflows: what was asked for, and the
 * number of the stack that asked; for freed ones, what they were.
 *
 * Two words for every possible block, in leaves of 64 KiB of memory that are made when a block appears there. A `Map`
 * would do, but at millions of births and deaths a second its garbage costs more than the program.
 *
 *     leaf:   ... | size + 1 | site | size + 1 | site | ...      size word 0: no block ever began there
 */
import type { Address } from '@vmalloc/memory'

const LEAF_BITS = 16
const WORDS = 2
/** Site of a block that was freed. */
const FREED = 0xffffffff

export class BlockTable {
  private readonly leaves: (Uint32Array | undefined)[] = []
  private readonly unitBits: number
  private readonly leafWords: number
  private readonly unitMask: number
  /** Bits that are 0 in the address of a block. */
  private readonly lowMask: number

  /** @param alignment - Bytes, a power of two: what every address is a multiple of. */
  constructor(alignment: number) {
    this.unitBits = 31 - Math.clz32(alignment)
    const units = 2 ** (LEAF_BITS - this.unitBits)
    this.leafWords = units * WORDS
    this.unitMask = units - 1
    this.lowMask = alignment - 1
  }

  /** Bytes of a live block, -1 where none begins. */
  sizeAt(address: Address): number {
    const leaf = this.leaves[address >>> LEAF_BITS]
    if (leaf === undefined || (address & this.lowMask) !== 0) return -1
    const word = this.wordOf(address)
    return leaf[word + 1] === FREED ? -1 : leaf[word] - 1
  }

  /** Bytes that a block freed and not handed out again had, -1 where there is none. */
  freedSizeAt(address: Address): number {
    const leaf = this.leaves[address >>> LEAF_BITS]
    if (leaf === undefined || (address & this.lowMask) !== 0) return -1
    const word = this.wordOf(address)
    return leaf[word + 1] === FREED ? leaf[word] - 1 : -1
  }

  /** Number of a live block's stack, 0 for none. */
  siteAt(address: Address): number {
    const site = this.leaves[address >>> LEAF_BITS]?.[this.wordOf(address) + 1] ?? 0
    return site === FREED ? 0 : site
  }

  set(address: Address, size: number, site: number): void {
    const leaf = this.leaves[address >>> LEAF_BITS] ?? this.addLeaf(address)
    const word = this.wordOf(address)
    leaf[word] = size + 1
    leaf[word + 1] = site
  }

  /** Notes that the live block at an address was freed. @returns The number of its stack, 0 for none. */
  release(address: Address): number {
    const leaf = this.leaves[address >>> LEAF_BITS]
    if (leaf === undefined) return 0
    const word = this.wordOf(address) + 1
    const site = leaf[word]
    leaf[word] = FREED
    return site === FREED ? 0 : site
  }

  /** Visits the live blocks in address order. */
  forEach(visit: (address: Address, size: number, site: number) => void): void {
    for (const [index, leaf] of this.leaves.entries()) {
      if (leaf === undefined) continue
      for (let word = 0; word < leaf.length; word += WORDS) {
        if (leaf[word] === 0 || leaf[word + 1] === FREED) continue
        const address = index * 2 ** LEAF_BITS + (word / WORDS) * 2 ** this.unitBits
        visit(address, leaf[word] - 1, leaf[word + 1])
      }
    }
  }

  /** The live block around an address, or `undefined`. Cost: linear in the units looked back over. */
  blockAround(address: Address): { readonly address: Address; readonly size: number } | undefined {
    const unit = 2 ** this.unitBits
    for (let at = address - (address % unit); at >= 0; at -= unit) {
      if (this.leaves[at >>> LEAF_BITS] === undefined) {
        // No block begins in all of this leaf: on to the end of the one before.
        at -= at % 2 ** LEAF_BITS
        continue
      }
      const size = this.sizeAt(at)
      if (size >= 0) return address < at + size ? { address: at, size } : undefined
    }
    return undefined
  }

  private wordOf(address: Address): number {
    return ((address >>> this.unitBits) & this.unitMask) * WORDS
  }

  private addLeaf(address: Address): Uint32Array {
    const leaf = new Uint32Array(this.leafWords)
    this.leaves[address >>> LEAF_BITS] = leaf
    return leaf
  }
}
