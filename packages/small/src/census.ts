/**
 * Which regions of a pool are wholly free.
 *
 * Nothing counts the free chunks of a region while the pool works: that would cost each free a look-up. They are counted
 * when somebody asks, from the free list; the parent says which region a chunk lies in.
 */
import type { Address, Region, RegionFinder } from '@vmalloc/memory'

/** A region and its free chunks. */
export interface Tally {
  readonly region: Region
  free: number
}

export class Census {
  /** All regions that have a free chunk. */
  readonly tallies: Map<Address, Tally> = new Map()
  readonly #finder: RegionFinder
  #last: Tally | undefined

  constructor(finder: RegionFinder) {
    this.#finder = finder
  }

  /** Counts `count` free chunks, the first of which is `chunk`. @returns The tally of their region. */
  add(chunk: Address, count: number): Tally {
    const tally = this.#tallyOf(chunk)
    tally.free += count
    return tally
  }

  #tallyOf(chunk: Address): Tally {
    const last = this.#last
    // Chunks that follow one another in the list often lie together.
    if (last !== undefined && chunk >= last.region.address) {
      if (chunk < last.region.address + last.region.length) return last
    }
    const region = this.#finder.regionOf(chunk)
    const tally = this.tallies.get(region.address) ?? { region, free: 0 }
    this.tallies.set(region.address, tally)
    this.#last = tally
    return tally
  }
}
