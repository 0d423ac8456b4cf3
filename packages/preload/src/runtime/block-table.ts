/**
 * Blocks of a foreign allocator by address: size and stack of the live ones, and which addresses were freed.
 *
 * Two words for every 8 bytes of the memory, in leaves of 64 KiB of it that are made when a block appears there. A `Map`
 * would do, but at millions of births and deaths a second its garbage costs more than the program.
 */
import type { Address } from '@vmalloc/memory'

const LEAF_BITS = 16
const UNIT_BITS = 3
const LEAF_UNITS = 2 ** (LEAF_BITS - UNIT_BITS)
/** Values of a size word: never seen, freed, else bytes + 2. */
const UNKNOWN = 0
const FREED = 1
const LIVE = 2

interface Leaf {
  readonly sizes: Uint32Array
  readonly sites: Uint32Array
}

export class BlockTable {
  private readonly leaves: (Leaf | undefined)[] = []

  /** Bytes of a live block, -1 for an address that was freed, -2 for one never seen. */
  sizeAt(address: Address): number {
    const leaf = this.leaves[address >>> LEAF_BITS]
    return leaf === undefined ? UNKNOWN - LIVE : leaf.sizes[unitOf(address)] - LIVE
  }

  siteAt(address: Address): number {
    return this.leaves[address >>> LEAF_BITS]?.sites[unitOf(address)] ?? 0
  }

  set(address: Address, size: number, site: number): void {
    const leaf = this.leafOf(address)
    const unit = unitOf(address)
    leaf.sizes[unit] = size + LIVE
    leaf.sites[unit] = site
  }

  setFreed(address: Address): void {
    const leaf = this.leafOf(address)
    leaf.sizes[unitOf(address)] = FREED
  }

  /** Visits the live blocks in address order. */
  forEach(visit: (address: Address, size: number, site: number) => void): void {
    for (const [index, leaf] of this.leaves.entries()) {
      if (leaf === undefined) continue
      for (const [unit, size] of leaf.sizes.entries()) {
        if (size >= LIVE) {
          visit(index * 2 ** LEAF_BITS + unit * 2 ** UNIT_BITS, size - LIVE, leaf.sites[unit])
        }
      }
    }
  }

  private leafOf(address: Address): Leaf {
    const index = address >>> LEAF_BITS
    const leaf = this.leaves[index]
    if (leaf !== undefined) return leaf
    const made = { sizes: new Uint32Array(LEAF_UNITS), sites: new Uint32Array(LEAF_UNITS) }
    this.leaves[index] = made
    return made
  }
}

function unitOf(address: Address): number {
  return (address >>> UNIT_BITS) & (LEAF_UNITS - 1)
}
