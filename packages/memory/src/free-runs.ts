/**
 * Bins of free page runs: good fit in constant time.
 *
 * Source: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic memory allocator for real-time systems",
 * ECRTS 2004: a first level by power of two, a second that cuts each power in eight, a bit for each non-empty bin.
 *
 *     + 0    first-level bits     bit f set when a bin of level f is not empty
 *     + 4    second-level bits    21 words, 8 bits used in each
 *     +88    heads                21 x 8 words: first page of the bin's list, 0 when empty
 *
 * The links lie in the run map, not in the free pages: a stale write into unmapped memory cannot break them, and pages
 * that are known to be zero stay so.
 */
import type { Address } from './contract.ts'
import { InvariantError } from './errors.ts'
import { PAGE_BYTES } from './layout.ts'
import type { Memory } from './memory.ts'
import { NEXT_COLUMN, PREV_COLUMN, type RunMap } from './run-map.ts'

const LEVELS = 21
const STEP_BITS = 3
const STEPS = 1 << STEP_BITS
/** Runs of the request's own bin tried before a larger bin: they may be a little too short. */
const NEAR_TRIES = 4

/** Number of bins. */
export const BINS: number = LEVELS * STEPS

export const FREE_RUNS_BYTES: number = 4 * (1 + LEVELS + LEVELS * STEPS)

export class FreeRuns {
  declare private readonly memory: Memory
  declare private readonly runs: RunMap
  declare private readonly levels: number
  declare private readonly heads: number

  constructor(memory: Memory, control: Address, runs: RunMap) {
    this.memory = memory
    this.runs = runs
    this.levels = control >>> 2
    this.heads = this.levels + 1 + LEVELS
  }

  insert(page: number, pages: number): void {
    const u32 = this.memory.u32
    const bin = binOf(pages)
    const head = u32[this.heads + bin]
    const slot = this.runs.table.slot(page)
    u32[slot + NEXT_COLUMN] = head
    u32[slot + PREV_COLUMN] = 0
    if (head !== 0) u32[this.runs.table.slot(head) + PREV_COLUMN] = page
    u32[this.heads + bin] = page
    const level = bin >>> STEP_BITS
    u32[this.levels + 1 + level] |= 1 << (bin & (STEPS - 1))
    u32[this.levels] |= 1 << level
  }

  remove(page: number, pages: number): void {
    const u32 = this.memory.u32
    const bin = binOf(pages)
    const slot = this.runs.table.slot(page)
    const next = u32[slot + NEXT_COLUMN]
    const prev = u32[slot + PREV_COLUMN]
    const linked =
      (next === 0 || u32[this.runs.table.slot(next) + PREV_COLUMN] === page) &&
      (prev === 0
        ? u32[this.heads + bin] === page
        : u32[this.runs.table.slot(prev) + NEXT_COLUMN] === page)
    if (!linked) this.fail('the list of free pages does not lead back', page)
    if (next !== 0) u32[this.runs.table.slot(next) + PREV_COLUMN] = prev
    if (prev !== 0) {
      u32[this.runs.table.slot(prev) + NEXT_COLUMN] = next
      return
    }
    u32[this.heads + bin] = next
    if (next !== 0) return
    const level = bin >>> STEP_BITS
    u32[this.levels + 1 + level] &= ~(1 << (bin & (STEPS - 1)))
    if (u32[this.levels + 1 + level] === 0) u32[this.levels] &= ~(1 << level)
  }

  /**
   * Good fit in a bounded number of steps: the first fitting one of a few in the request's own bin, else the first of
   * the next larger bin that is not empty.
   *
   * @returns First page of a free run of at least `pages` pages, still in its bin; 0 when none was found.
   */
  find(pages: number): number {
    const u32 = this.memory.u32
    const own = binOf(pages)
    let page = u32[this.heads + own]
    for (let i = 0; page !== 0 && i < NEAR_TRIES; i++) {
      if (this.runs.pages(page) >= pages) return page
      page = u32[this.runs.table.slot(page) + NEXT_COLUMN]
    }
    const bin = this.nextBin(own)
    return bin < 0 ? 0 : u32[this.heads + bin]
  }

  /**
   * Looks at every run that might fit, for the last try before "no room": those of the request's own bin, which may be
   * a little too short, and with an alignment those of all larger bins.
   *
   * @returns First page of a free run that holds `pages` pages from a place on the boundary on; 0 when none does.
   */
  findExhaustively(pages: number, boundary: Boundary): number {
    const u32 = this.memory.u32
    // More runs than pages there cannot be: a list that is longer leads in a circle.
    let left = this.memory.byteLength / PAGE_BYTES
    for (let bin = binOf(pages); bin >= 0; bin = this.nextBin(bin)) {
      let page = u32[this.heads + bin]
      while (page !== 0) {
        if (left-- <= 0) this.fail('the list of free pages does not end', page)
        if (page + this.runs.pages(page) >= firstOn(boundary, page) + pages) return page
        page = u32[this.runs.table.slot(page) + NEXT_COLUMN]
      }
    }
    return 0
  }

  /** The next larger bin that is not empty, -1 when there is none. */
  private nextBin(bin: number): number {
    const u32 = this.memory.u32
    const level = bin >>> STEP_BITS
    const steps = u32[this.levels + 1 + level] & (-2 << (bin & (STEPS - 1)))
    if (steps !== 0) return level * STEPS + lowestBit(steps)
    const levels = u32[this.levels] & (-2 << level)
    if (levels === 0) return -1
    const higher = lowestBit(levels)
    if (higher >= LEVELS || u32[this.levels + 1 + higher] === 0)
      this.fail('the bits of the bins contradict each other', 0)
    return higher * STEPS + lowestBit(u32[this.levels + 1 + higher])
  }

  private fail(invariant: string, page: number): never {
    throw new InvariantError('address space', invariant, page * PAGE_BYTES)
  }

  /** First page of the list of `bin`, 0 when it is empty; for checks. */
  headOf(bin: number): number {
    return this.memory.u32[this.heads + bin]
  }

  /** Whether the bits of both levels say which bins are empty; for checks. */
  bitsMatch(): boolean {
    const u32 = this.memory.u32
    let levels = 0
    for (let level = 0; level < LEVELS; level++) {
      let steps = 0
      for (let step = 0; step < STEPS; step++)
        if (u32[this.heads + level * STEPS + step] !== 0) steps |= 1 << step
      if (steps !== u32[this.levels + 1 + level]) return false
      if (steps !== 0) levels |= 1 << level
    }
    return levels === u32[this.levels]
  }

  /** Empties all bins: for rebuilding them from the run map. */
  clear(): void {
    this.memory.u32.fill(0, this.levels, this.levels + FREE_RUNS_BYTES / 4)
  }
}

/** Where pages may begin: `offset` pages on there is a multiple of `pages`, a power of two. */
export interface Boundary {
  readonly pages: number
  readonly offset: number
}

/** The first page from `page` on that a boundary allows. */
export function firstOn({ pages, offset }: Boundary, page: number): number {
  return Math.ceil((page + offset) / pages) * pages - offset
}

/** Bin of runs of `pages` pages, at least 1. Below 8 pages every length has a bin of its own. */
export function binOf(pages: number): number {
  const level = 31 - Math.clz32(pages)
  const step = level >= STEP_BITS ? pages >>> (level - STEP_BITS) : pages << (STEP_BITS - level)
  return (level << STEP_BITS) | (step & (STEPS - 1))
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
