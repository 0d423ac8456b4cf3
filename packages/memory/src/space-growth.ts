/**
 * Growing the address space: new pages, their leaves in the page map, and the gaps a foreign program leaves.
 *
 * New ranges usually adjoin the old end. In a foreign memory they may lie anywhere: what lies between is a run with the
 * tag of a gap, and a range inside a gap splits it.
 */
import type { AddressSpace } from './address-space.ts'
import { hex, MemoryError } from './errors.ts'
import { PAGE_BITS, PAGE_BYTES } from './layout.ts'
import { TAG_FREE, TAG_GAP, TAG_META } from './run-map.ts'
import * as L from './space-layout.ts'
import { freePages } from './space-runs.ts'

/** Growth asks for a quarter of what there is, at least for this and at most for that many pages. */
const MIN_GROWTH_PAGES = 16
const MAX_GROWTH_PAGES = 4096

/**
 * Obtains so many pages that a run of at least `pages` free ones ends at the new end: generously if it can, less so near
 * the maximum, at last just what is missing.
 *
 * @returns `false` when the memory cannot grow that far.
 * @throws {@link MemoryError} `BAD_MEMORY` when a supplier gave what the space has already.
 */
export function growSpace(space: AddressSpace, pages: number): boolean {
  const { memory } = space
  const { slots } = space
  const have = memory.u32[slots + L.END] - memory.u32[slots + L.FIRST] - memory.u32[slots + L.GAPS]
  const generous = Math.min(Math.max(have >>> 2, MIN_GROWTH_PAGES), MAX_GROWTH_PAGES)
  const needed = neededPages(space, pages)
  for (let wanted = Math.max(generous, needed); ; wanted = Math.max(wanted >>> 1, needed)) {
    const gained = memory.growthBytes(wanted * PAGE_BYTES)
    announce(space, gained / PAGE_BYTES)
    const start = memory.grow(wanted * PAGE_BYTES)
    if (start !== 0) {
      memory.u32[slots + L.GROWTHS]++
      requireForeign(space, start >>> PAGE_BITS, gained / PAGE_BYTES)
      if (memory.growthStart === 0) memory.zero(start, gained)
      addRange(space, start >>> PAGE_BITS, gained / PAGE_BYTES, false)
    }
    announce(space, 0)
    if (start !== 0) return true
    if (wanted === needed) return false
  }
}

/** States how many pages a growth is about to bring, for a repair to find them; 0 when it is over. */
function announce({ memory, slots }: AddressSpace, pages: number): void {
  memory.u32[slots + L.GROWING] = pages === 0 ? 0 : memory.growthStart >>> PAGE_BITS
  memory.u32[slots + L.GROWING_PAGES] = pages
}

/**
 * Adds the pages of a growth that was cut short after the memory had grown. Only in a memory of the heap's own: anywhere
 * else it may have been the program that grew it since.
 */
export function finishGrowth(space: AddressSpace): void {
  const { memory, slots } = space
  const pages = memory.u32[slots + L.GROWING_PAGES]
  const first = memory.u32[slots + L.GROWING]
  if (pages > 0 && memory.own && first >= memory.u32[slots + L.END]) {
    const length = memory.reachOut().byteLength
    if (length >= (first + pages) * PAGE_BYTES) addRange(space, first, pages, false)
  }
  announce(space, 0)
}

/** Pages to grow by for a free run of `pages`: without the free ones they will adjoin, with leaves for the page map. */
function neededPages(space: AddressSpace, pages: number): number {
  const { memory, runs, slots } = space
  const { segmentBits } = runs.table
  // Unknown place: a leaf for each segment the pages reach, two for gaps around them, one for the leaves' own.
  const start = memory.growthStart
  if (start === 0) return pages + (pages >>> segmentBits) + 5
  const first = start >>> PAGE_BITS
  const end = memory.u32[slots + L.END]
  const last = first === end ? runs.find(end - 1) : -1
  const free = last >= 0 && runs.tag(last) === TAG_FREE ? runs.pages(last) : 0
  const short = Math.max(pages - free, 1)
  // The leaves are pages of the growth too, and may reach one segment further.
  const leaves = missingSegments(space, first, short).length
  return short + missingSegments(space, first, short + leaves).length
}

/** Segments without a leaf in which a run will start when [first, first + pages) is added, in ascending order. */
function missingSegments(space: AddressSpace, first: number, pages: number): number[] {
  const { table } = space.runs
  const missing: number[] = []
  const end = space.memory.u32[space.slots + L.END]
  const need = (page: number): void => {
    const segment = page >>> table.segmentBits
    if (!table.hasLeaf(page) && missing.at(-1) !== segment) missing.push(segment)
  }
  // The gap before the range, the range itself, the gap behind it.
  if (end < first) need(end)
  const step = 1 << table.segmentBits
  for (let page = first; page < first + pages; page = (page & -step) + step) need(page)
  if (first + pages < end) need(first + pages)
  return missing
}

/**
 * Adds the pages [first, first + pages) to the space as free ones. The segments they open get their leaves from them:
 * from their end, so that the free pages adjoin those before; from their start when the space is new.
 */
export function addRange(
  space: AddressSpace,
  first: number,
  pages: number,
  leavesFirst: boolean,
): void {
  const { memory, runs } = space
  const missing = missingSegments(space, first, pages)
  const leaves = missing.length
  if (pages < Math.max(leaves, 1)) return
  const firstLeaf = leavesFirst ? first : first + pages - leaves
  for (let i = 0; i < leaves; i++) {
    const address = (firstLeaf + i) * PAGE_BYTES
    memory.u8.fill(0, address, address + PAGE_BYTES)
    runs.table.setLeaf(missing[i] << runs.table.segmentBits, address)
  }
  placeInChain(space, first, pages)
  memory.u32[space.slots + L.META] += leaves
  if (leaves > 0) {
    if (pages > leaves) runs.split(first, leavesFirst ? leaves : pages - leaves)
    runs.write(firstLeaf, TAG_META, leaves)
  }
  if (pages > leaves) freePages(space, leavesFirst ? first + leaves : first, pages - leaves)
}

/** Growth must bring pages that are not ours yet: outside the space, or all inside one gap of it. */
function requireForeign(space: AddressSpace, first: number, pages: number): void {
  const { memory, runs, slots } = space
  const begin = memory.u32[slots + L.FIRST]
  const end = memory.u32[slots + L.END]
  if (first >= end || first + pages <= begin) return
  const run = first >= begin ? runs.find(first) : -1
  if (run >= 0 && runs.tag(run) === TAG_GAP && first + pages <= run + runs.pages(run)) return
  const address = first * PAGE_BYTES
  throw new MemoryError(
    'BAD_MEMORY',
    `grow gave ${pages} pages at ${hex(address)}, some of which the heap has already`,
    address,
  )
}

/** Makes [first, first + pages) one run, with gaps around it where it does not adjoin. */
function placeInChain(space: AddressSpace, first: number, pages: number): void {
  const { runs } = space
  const { u32 } = space.memory
  const { slots } = space
  const begin = u32[slots + L.FIRST]
  const end = u32[slots + L.END]
  if (first >= end) {
    runs.start(first, TAG_META, pages)
    if (first > end) runs.start(end, TAG_GAP, first - end)
    u32[slots + L.END] = first + pages
    u32[slots + L.GAPS] += first - end
  } else if (first + pages <= begin) {
    const gap = begin - first - pages
    runs.start(first, TAG_META, pages)
    if (gap > 0) runs.start(first + pages, TAG_GAP, gap)
    u32[slots + L.FIRST] = first
    u32[slots + L.GAPS] += gap
  } else {
    const gap = runs.find(first)
    if (gap < first) runs.split(gap, first - gap)
    if (runs.pages(first) > pages) runs.split(first, pages)
    runs.write(first, TAG_META, pages)
    u32[slots + L.GAPS] -= pages
  }
}
