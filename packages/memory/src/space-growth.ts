/**
 * Growing the address space: new pages, their leaves in the page map, and the gaps a foreign program leaves.
 *
 * New ranges usually adjoin the old end. In a foreign memory they may lie anywhere: what lies between is a run with the
 * tag of a gap, and a range inside a gap splits it.
 */
import type { AddressSpace } from './address-space.ts'
import { PAGE_BITS, PAGE_BYTES } from './layout.ts'
import { TAG_GAP, TAG_META } from './run-map.ts'
import * as L from './space-layout.ts'

/** Growth asks for a quarter of what there is, at least for this and at most for that many pages. */
const MIN_GROWTH_PAGES = 16
const MAX_GROWTH_PAGES = 4096

/** Obtains at least `pages` more pages, adjoining ones. @returns `false` when the memory cannot grow that far. */
export function growSpace(space: AddressSpace, pages: number): boolean {
  const { memory } = space
  const have = memory.u32[space.slots + L.END] - memory.u32[space.slots + L.FIRST]
  const generous = Math.min(Math.max(have >>> 2, MIN_GROWTH_PAGES), MAX_GROWTH_PAGES)
  // A leaf for each MiB, and two for the segments cut at both ends.
  const leaves = (pages >>> space.runs.table.segmentBits) + 3
  const needed = pages + leaves
  for (const wanted of needed < generous ? [generous, needed, pages] : [needed, pages]) {
    const start = memory.grow(wanted * PAGE_BYTES)
    if (start === 0) continue
    memory.u32[space.slots + L.GROWTHS]++
    addRange(
      space,
      start >>> PAGE_BITS,
      memory.growthBytes(wanted * PAGE_BYTES) / PAGE_BYTES,
      false,
    )
    return true
  }
  return false
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
  const table = runs.table
  const missing: number[] = []
  const end = memory.u32[space.slots + L.END]
  const need = (page: number): void => {
    const segment = page >>> table.segmentBits
    if (!table.hasLeaf(page) && missing.at(-1) !== segment && !missing.includes(segment))
      missing.push(segment)
  }
  // The runs that will start here: the range itself, and the gap before or after it.
  if (end < first) need(end)
  for (
    let page = first;
    page < first + pages;
    page = ((page >>> table.segmentBits) + 1) << table.segmentBits
  )
    need(page)
  if (first + pages < end) need(first + pages)
  const leaves = missing.length
  if (pages < leaves) return
  const firstLeaf = leavesFirst ? first : first + pages - leaves
  for (let i = 0; i < leaves; i++) {
    const address = (firstLeaf + i) * PAGE_BYTES
    memory.u8.fill(0, address, address + PAGE_BYTES)
    table.setLeaf(missing[i] << table.segmentBits, address)
  }
  placeInChain(space, first, pages)
  memory.u32[space.slots + L.META] += leaves
  if (leaves > 0) {
    if (leavesFirst) {
      if (pages > leaves) runs.split(first, leaves)
      runs.write(first, TAG_META, leaves)
    } else {
      if (pages > leaves) runs.split(first, pages - leaves)
      runs.write(firstLeaf, TAG_META, leaves)
    }
  }
  if (pages > leaves) space.freeRun(leavesFirst ? first + leaves : first, pages - leaves)
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
  } else if (first + pages <= begin) {
    runs.start(first, TAG_META, pages)
    if (first + pages < begin) runs.start(first + pages, TAG_GAP, begin - first - pages)
    u32[slots + L.FIRST] = first
  } else {
    const gap = runs.find(first)
    if (gap < first) runs.split(gap, first - gap)
    if (runs.pages(first) > pages) runs.split(first, pages)
    runs.write(first, TAG_META, pages)
  }
}
