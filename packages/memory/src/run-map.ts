/**
 * The run map: which pages belong to whom.
 *
 * The address space is cut without gaps into runs of pages with one tag each. Four words per page:
 *
 *     column 0   RUN    tag | pages << 8      valid in the first page of a run only
 *            1   NEXT   page of the next free run of the same bin      valid in a free run's first page
 *            2   PREV   page of the previous one
 *            3   STARTS in every 32nd page: bit i set when a run starts at page + i
 *
 * Truth: the chain RUN, RUN + pages, ... from `first` to `end` covers every page once. STARTS and the summary (a bit
 * per segment that has a start) are derived from it; they answer "which run holds this page" in a bounded number of
 * steps: 8 words of a leaf, 128 words of the summary at 4 GiB, 8 words of a leaf.
 *
 * A split writes the new run before it shortens the old one, a merge lengthens the first run before it clears the
 * second: at every moment the chain can be followed.
 */
import type { Address } from './contract.ts'
import { PAGE_BYTES } from './layout.ts'
import type { Memory } from './memory.ts'
import { PageTable } from './page-table.ts'

/** Tags of runs that are not somebody's mapping. Sources have the tags from {@link FIRST_SOURCE_TAG} on. */
export const TAG_FREE = 1
/** Pages of the page map itself. */
export const TAG_META = 2
/** Pages of a foreign memory that are not ours. */
export const TAG_GAP = 3
export const FIRST_SOURCE_TAG = 4

export const NEXT_COLUMN = 1
export const PREV_COLUMN = 2
const STARTS_COLUMN = 3
const TAG_MASK = 0xff
const PAGES_SHIFT = 8

export class RunMap {
  declare private readonly memory: Memory
  declare readonly table: PageTable
  declare private readonly summary: number

  /**
   * @param directory - Address of the page table's directory.
   * @param summary - Address of the summary, a bit per directory entry.
   */
  constructor(memory: Memory, directory: Address, summary: Address) {
    this.memory = memory
    this.table = new PageTable(memory, directory, 4)
    this.summary = summary >>> 2
  }

  tag(page: number): number {
    return this.table.get(page) & TAG_MASK
  }

  pages(page: number): number {
    return this.table.get(page) >>> PAGES_SHIFT
  }

  /** Makes `page` the start of a run. */
  start(page: number, tag: number, pages: number): void {
    this.write(page, tag, pages)
    const u32 = this.memory.u32
    u32[this.table.slot(page & ~31) + STARTS_COLUMN] |= 1 << (page & 31)
    const segment = page >>> this.table.segmentBits
    u32[this.summary + (segment >>> 5)] |= 1 << (segment & 31)
  }

  /** Changes tag and length of the run that starts at `page`. */
  write(page: number, tag: number, pages: number): void {
    this.memory.u32[this.table.slot(page)] = tag | (pages << PAGES_SHIFT)
  }

  /** Forgets that a run starts at `page`: the run before it has swallowed it. */
  clear(page: number): void {
    const u32 = this.memory.u32
    u32[this.table.slot(page & ~31) + STARTS_COLUMN] &= ~(1 << (page & 31))
    u32[this.table.slot(page)] = 0
    const segment = page >>> this.table.segmentBits
    if (this.lastStart(segment) < 0) u32[this.summary + (segment >>> 5)] &= ~(1 << (segment & 31))
  }

  /** Cuts the run at `page` in two; the second begins after `pages` pages and has the same tag. */
  split(page: number, pages: number): void {
    const tag = this.tag(page)
    this.start(page + pages, tag, this.pages(page) - pages)
    this.write(page, tag, pages)
  }

  /** First page of the run that holds `page`, -1 when none does. */
  find(page: number): number {
    const table = this.table
    const segment = page >>> table.segmentBits
    if (table.hasLeaf(page)) {
      const found = this.lastStartUpTo(page)
      if (found >= 0) return found
    }
    const before = this.segmentBefore(segment)
    return before < 0 ? -1 : this.lastStart(before)
  }

  /** Forgets all starts: for making them anew from the chain. */
  clearStarts(): void {
    const { u32 } = this.memory
    u32.fill(
      0,
      this.summary,
      this.summary + Math.ceil(PageTable.segments(this.memory.maximum, 4) / 32),
    )
    for (const leaf of this.table.leaves()) {
      for (let i = STARTS_COLUMN; i < PAGE_BYTES / 4; i += 4) u32[(leaf >>> 2) + i] = 0
    }
  }

  /** Whether a run starts at exactly `page`. */
  startsAt(page: number): boolean {
    const slot = this.table.slot(page & ~31)
    return slot !== 0 && (this.memory.u32[slot + STARTS_COLUMN] & (1 << (page & 31))) !== 0
  }

  private lastStartUpTo(page: number): number {
    const u32 = this.memory.u32
    const first = (page >>> this.table.segmentBits) << this.table.segmentBits
    let group = page & ~31
    let word = u32[this.table.slot(group) + STARTS_COLUMN] & (0xffffffff >>> (31 - (page & 31)))
    while (word === 0) {
      group -= 32
      if (group < first) return -1
      word = u32[this.table.slot(group) + STARTS_COLUMN]
    }
    return group + 31 - Math.clz32(word)
  }

  private lastStart(segment: number): number {
    return this.lastStartUpTo(((segment + 1) << this.table.segmentBits) - 1)
  }

  /** The last segment below `segment` in which a run starts, -1 when there is none. */
  private segmentBefore(segment: number): number {
    const u32 = this.memory.u32
    let index = segment >>> 5
    let word = u32[this.summary + index] & ((1 << (segment & 31)) - 1)
    while (word === 0) {
      if (--index < 0) return -1
      word = u32[this.summary + index]
    }
    return index * 32 + 31 - Math.clz32(word)
  }
}
