/**
 * `AddressSpace`: mmap, munmap and mremap over a `Memory`, in pages of 4 KiB.
 *
 * Features
 * - Mappings are zero-filled, split and coalesce, and may be unmapped in part.
 * - Constant time but for zeroing: a run of free pages is found by its bin, a mapping by the run map.
 * - Pages that were never used are known to be zero and are not touched.
 * - The memory grows geometrically, and at least by what is needed when that is all there is.
 *
 * Basic design
 * - The run map (run-map.ts) says whose each page is; the bins (free-runs.ts) find free runs. Both lie in the memory.
 * - The control block is drawn in space-layout.ts.
 *
 * Not safe against other threads by itself: whoever shares it takes a lock around each call.
 */
import type { Address, Region } from './contract.ts'
import { hex, InvariantError, MemoryError, requireOption } from './errors.ts'
import { FreeRuns } from './free-runs.ts'
import { PAGE_BITS, PAGE_BYTES, roundUp } from './layout.ts'
import type { Memory } from './memory.ts'
import { PageSource } from './page-source.ts'
import { PageTable } from './page-table.ts'
import { FIRST_SOURCE_TAG, RunMap } from './run-map.ts'
import { hasName, nameOf, tagOf } from './source-names.ts'
import { checkSpace } from './space-check.ts'
import { addRange } from './space-growth.ts'
import * as L from './space-layout.ts'
import { repairSpace } from './space-repair.ts'
import { countMapped, releasePages } from './space-runs.ts'
import { extendRun, takePages } from './space-take.ts'

/** One line of {@link AddressSpace.maps}. */
export interface Mapping {
  readonly address: Address
  /** Bytes, a multiple of 4096. */
  readonly length: number
  /** Name of the source that mapped it, or `[free]`, `[page map]`, `[foreign]`. */
  readonly name: string
}

const CONTROL_NAME = 'address-space'
const COLUMNS = 4
/** Name of mappings made by {@link AddressSpace.mmap} without a source. */
const ANONYMOUS = 'anonymous'

/** Maps, unmaps and resizes runs of pages. A handle: all state lies in the memory. */
export class AddressSpace {
  declare readonly memory: Memory
  /** Word index of the control block. */
  declare readonly slots: number
  declare readonly runs: RunMap
  declare readonly bins: FreeRuns

  private constructor(memory: Memory, control: Address, segments: number) {
    const summaryBytes = 4 * Math.ceil(segments / 32)
    this.memory = memory
    this.slots = control >>> 2
    this.runs = new RunMap(
      memory,
      control + L.SUMMARY_OFFSET_BYTES + summaryBytes,
      control + L.SUMMARY_OFFSET_BYTES,
    )
    this.bins = new FreeRuns(memory, control + L.BINS_OFFSET_BYTES, this.runs)
  }

  /** Bytes of control area that a space up to `maximum` bytes takes. */
  static controlBytes(maximum: number): number {
    const segments = PageTable.segments(maximum, COLUMNS)
    return L.SUMMARY_OFFSET_BYTES + 4 * Math.ceil(segments / 32) + 4 * segments
  }

  /** Makes all of `memory` behind its control area an address space. */
  static create(memory: Memory): AddressSpace {
    const control = memory.reserveControl(CONTROL_NAME, AddressSpace.controlBytes(memory.maximum))
    const segments = PageTable.segments(memory.maximum, COLUMNS)
    const space = new AddressSpace(memory, control, segments)
    const first = memory.controlEnd >>> PAGE_BITS
    const { u32 } = memory
    u32[space.slots] = L.SPACE_MAGIC
    u32[space.slots + L.FIRST] = first
    u32[space.slots + L.END] = first
    u32[space.slots + L.FRESH] = Math.max(first, Math.ceil(memory.site.dirtyEnd / PAGE_BYTES))
    u32[space.slots + L.SEGMENTS] = segments
    const length = Math.min(memory.site.end, memory.maximum)
    addRange(space, first, Math.floor(length / PAGE_BYTES) - first, true)
    space.source(ANONYMOUS)
    return space
  }

  /** Joins the address space in `memory`; writes nothing. */
  static attach(memory: Memory): AddressSpace {
    const control = memory.findControl(CONTROL_NAME)
    const segments = memory.u32[(control >>> 2) + L.SEGMENTS]
    if (
      memory.u32[control >>> 2] !== L.SPACE_MAGIC ||
      segments !== PageTable.segments(memory.maximum, COLUMNS)
    ) {
      throw new MemoryError(
        'NOT_A_HEAP',
        `the control block of the address space is damaged`,
        control,
      )
    }
    return new AddressSpace(memory, control, segments)
  }

  /**
   * Maps zero-filled pages.
   *
   * @param length - Bytes, rounded up to pages.
   * @param alignment - Power of two; 4096 or less means a page.
   * @param tag - Who maps, from {@link AddressSpace.source}.
   * @returns Address of the mapping, 0 when there is no room.
   * @throws RangeError when `length` is no whole number, or `alignment` not a power of two below 4 GiB.
   */
  mmap(length: number, alignment: number = PAGE_BYTES, tag: number = FIRST_SOURCE_TAG): Address {
    requireLength('length', length, 0)
    const fresh = this.memory.refresh().u32[this.slots + L.FRESH] * PAGE_BYTES
    const address = this.mapPages(length, alignment, tag)
    if (address !== 0)
      this.memory.zero(address, Math.min(roundUp(length, PAGE_BYTES), Math.max(fresh - address, 0)))
    return address
  }

  /**
   * Like {@link AddressSpace.mmap}, but the pages may hold what they held before: for strategies, which need no zeros.
   *
   * @param offset - Bytes from the start of the mapping to the place that is aligned, whole pages.
   */
  mapPages(length: number, alignment: number, tag: number, offset = 0): Address {
    requireAlignment(alignment)
    this.memory.refresh()
    const pages = this.pagesOf(length)
    if (pages === 0) return 0
    const page = takePages(this, pages, tag, {
      pages: Math.max(alignment, PAGE_BYTES) >>> PAGE_BITS,
      offset: offset >>> PAGE_BITS,
    })
    if (page === 0) return 0
    countMapped(this, page, pages)
    return page * PAGE_BYTES
  }

  /**
   * Unmaps pages: a whole mapping, a part of one, or several that adjoin.
   *
   * @param address - Page aligned.
   * @param length - Bytes, rounded up to pages.
   * @throws {@link MemoryError} `UNALIGNED` or `UNMAPPED`, RangeError when `length` is none; then nothing was unmapped.
   */
  munmap(address: Address, length: number): void {
    requireLength('length', length, 0)
    const first = this.mappedPage(address, length)
    const end = first + Math.ceil(length / PAGE_BYTES)
    for (let page = first; page < end; ) page += releasePages(this, page, end)
  }

  /**
   * Changes the length of a mapping, in place if it can.
   *
   * @param address - Page aligned, inside a mapping; `oldLength` bytes from there belong to that mapping.
   * @param options - `mayMove` (default false): move the pages when there is no room behind them; `zeroed` (default
   * true): zero-fill the pages gained.
   * @returns The address, a new one if it moved, or 0 when there is no room; then nothing changed.
   * @throws {@link MemoryError} `UNALIGNED` or `UNMAPPED`, RangeError when a length is none: to unmap is `munmap`'s.
   */
  mremap(
    address: Address,
    oldLength: number,
    newLength: number,
    options: { readonly mayMove?: boolean; readonly zeroed?: boolean } = {},
  ): Address {
    const { mayMove = false, zeroed = true } = options
    requireLength('oldLength', oldLength, 0)
    requireLength('newLength', newLength, 1)
    const page = this.mappedPage(address, oldLength)
    const oldPages = Math.ceil(oldLength / PAGE_BYTES)
    const run = this.runs.find(page)
    if (run + this.runs.pages(run) < page + oldPages) {
      throw new MemoryError(
        'UNMAPPED',
        `mremap of ${oldLength} bytes at ${hex(address)}: they belong to more than one mapping`,
        address,
      )
    }
    const newPages = this.pagesOf(newLength)
    if (newPages === 0) return 0
    if (newPages <= oldPages) {
      if (newPages < oldPages)
        this.munmap(address + newPages * PAGE_BYTES, (oldPages - newPages) * PAGE_BYTES)
      return address
    }
    if (extendRun(this, run, page + oldPages, newPages - oldPages, zeroed)) return address
    if (!mayMove) return 0
    const moved = this.mmap(newLength, PAGE_BYTES, this.runs.tag(run))
    if (moved === 0) return 0
    this.memory.u8.copyWithin(moved, address, address + oldPages * PAGE_BYTES)
    this.munmap(address, oldLength)
    return moved
  }

  /**
   * A region allocator over this space whose mappings carry `name`.
   *
   * @param name - 1 to 16 ASCII characters; the same name gives the same source, in every thread.
   */
  source(name: string): PageSource {
    return new PageSource(this, tagOf(this, name))
  }

  /** Whether {@link AddressSpace.source} knows a name already; writes nothing. */
  hasSource(name: string): boolean {
    return hasName(this, name)
  }

  /** The mapping of the source `tag` that an address lies in. @throws `InvariantError` when it lies in none. */
  mappingOf(address: Address, tag: number): Region {
    const { runs } = this
    const { u32 } = this.memory
    const page = address >>> PAGE_BITS
    const inside = page >= u32[this.slots + L.FIRST] && page < u32[this.slots + L.END]
    const run = inside ? runs.find(page) : -1
    const pages = run < 0 || runs.tag(run) !== tag ? 0 : runs.pages(run)
    if (page >= run + pages)
      throw new InvariantError('address space', 'no mapping of this source is there', address)
    return { address: run * PAGE_BYTES, length: pages * PAGE_BYTES }
  }

  /** Bytes mapped by sources. */
  get mappedBytes(): number {
    return this.memory.u32[this.slots + L.MAPPED] * PAGE_BYTES
  }

  /** The most bytes ever mapped at once. */
  get peakMappedBytes(): number {
    return this.memory.u32[this.slots + L.PEAK] * PAGE_BYTES
  }

  /** Bytes that the page map and the control area take. */
  get metaBytes(): number {
    const { memory } = this
    return memory.controlEnd - memory.base + memory.u32[this.slots + L.META] * PAGE_BYTES
  }

  /** Bytes from the first page to the end of the last one ever obtained, free ones included. */
  get reservedBytes(): number {
    const { u32 } = this.memory
    return (u32[this.slots + L.END] - u32[this.slots + L.FIRST]) * PAGE_BYTES
  }

  /** All runs of pages in address order, like `/proc/self/maps`. */
  *maps(): Generator<Mapping> {
    const { u32 } = this.memory.refresh()
    const end = u32[this.slots + L.END]
    for (let page = u32[this.slots + L.FIRST]; page < end; ) {
      const pages = this.runs.pages(page)
      if (pages === 0)
        throw new MemoryError(
          'NOT_A_HEAP',
          `the run map is broken at page ${page}`,
          page * PAGE_BYTES,
        )
      yield {
        address: page * PAGE_BYTES,
        length: pages * PAGE_BYTES,
        name: nameOf(this, this.runs.tag(page)),
      }
      page += pages
    }
  }

  /** @throws `InvariantError` naming the first broken invariant of the run map or the bins. */
  check(): void {
    checkSpace(this)
  }

  /**
   * Makes all that is derived from the chain of runs anew, after an operation was cut short.
   *
   * @returns The regions of each source, by its tag.
   */
  repair(): Map<number, Region[]> {
    return repairSpace(this)
  }

  /** Mapped pages from `page` on, when all `length` bytes there are mapped. */
  private mappedPage(address: Address, length: number): number {
    if (address % PAGE_BYTES !== 0) {
      throw new MemoryError(
        'UNALIGNED',
        `address ${String(address)} is not a multiple of the page size ${PAGE_BYTES}`,
        address,
      )
    }
    const { u32 } = this.memory.refresh()
    const first = address / PAGE_BYTES
    const end = first + Math.ceil(length / PAGE_BYTES)
    let inside = length > 0 && first >= u32[this.slots + L.FIRST] && end <= u32[this.slots + L.END]
    for (let page = first; inside && page < end; ) {
      const run = this.runs.find(page)
      inside = run >= 0 && this.runs.tag(run) >= FIRST_SOURCE_TAG
      const next = run + this.runs.pages(run)
      if (inside && next <= page)
        throw new InvariantError('address space', 'a run of pages has no end', page * PAGE_BYTES)
      page = next
    }
    if (!inside) {
      throw new MemoryError(
        'UNMAPPED',
        `the ${String(length)} bytes at ${hex(address)} are not all mapped`,
        address,
      )
    }
    return first
  }

  /** Pages of a request; 0 when it can never be served. */
  private pagesOf(length: number): number {
    return length > 0 && length <= this.memory.maximum ? Math.ceil(length / PAGE_BYTES) : 0
  }
}

function requireLength(name: string, length: unknown, least: number): void {
  // What is too long is no room, however long it is.
  const whole = Number.isInteger(length) || length === Number.POSITIVE_INFINITY
  const holds = whole && (length as number) >= least
  requireOption(holds, name, length, `it must be a whole number of bytes from ${least} on`)
}

function requireAlignment(alignment: number): void {
  const whole = alignment >= 1 && alignment <= 2 ** 31
  if (!whole || (alignment & (alignment - 1)) !== 0 || !Number.isInteger(alignment)) {
    requireOption(false, 'alignment', alignment, 'it must be a power of two below 4 GiB')
  }
}
