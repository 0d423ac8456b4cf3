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
import type { Memory } from './memory.ts'
import { NEXT_COLUMN, PREV_COLUMN, type RunMap } from './run-map.ts'

const LEVELS = 21
const STEP_BITS = 3
const STEPS = 1 << STEP_BITS
/** Runs of the request's own bin tried before a larger bin: they may be a little too short. */
const NEAR_TRIES = 4

export const FREE_RUNS_BYTES: number = 4 * (1 + LEVELS + LEVELS * STEPS)

export class FreeRuns {
  private readonly memory: Memory
  private readonly runs: RunMap
  private readonly levels: number
  private readonly heads: number

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
   * @param exhaustive - Look at every run that might fit: for the last try before "no room".
   * @returns First page of a free run of at least `pages` pages, still in its bin; 0 when none was found.
   */
  find(pages: number, exhaustive: boolean): number {
    const u32 = this.memory.u32
    const own = binOf(pages)
    const tries = exhaustive ? 2 ** 20 : NEAR_TRIES
    let page = u32[this.heads + own]
    for (let i = 0; page !== 0 && i < tries; i++) {
      if (this.runs.pages(page) >= pages) return page
      page = u32[this.runs.table.slot(page) + NEXT_COLUMN]
    }
    const level = own >>> STEP_BITS
    const steps = u32[this.levels + 1 + level] & (-2 << (own & (STEPS - 1)))
    if (steps !== 0) return u32[this.heads + level * STEPS + lowestBit(steps)]
    const levels = u32[this.levels] & (-2 << level)
    if (levels === 0) return 0
    const higher = lowestBit(levels)
    return u32[this.heads + higher * STEPS + lowestBit(u32[this.levels + 1 + higher])]
  }

  /** Head of the bin that a run of `pages` pages belongs to; for checks. */
  head(pages: number): number {
    return this.memory.u32[this.heads + binOf(pages)]
  }

  /** Empties all bins: for rebuilding them from the run map. */
  clear(): void {
    this.memory.u32.fill(0, this.levels, this.levels + FREE_RUNS_BYTES / 4)
  }
}

/** Bin of runs of `pages` pages. Below 8 pages every length has a bin of its own. */
function binOf(pages: number): number {
  const level = 31 - Math.clz32(pages)
  const step = level >= STEP_BITS ? pages >>> (level - STEP_BITS) : pages << (STEP_BITS - level)
  return (level << STEP_BITS) | (step & (STEPS - 1))
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
