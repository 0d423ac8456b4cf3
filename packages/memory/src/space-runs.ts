/**
 * Claiming and freeing runs of pages: the steps that `mmap`, `munmap` and `mremap` are made of.
 *
 * Each step keeps the run map and the bins in agreement, and leaves no two free runs side by side.
 */
import type { AddressSpace } from './address-space.ts'
import { TAG_FREE } from './run-map.ts'
import * as L from './space-layout.ts'

/** Turns pages [page, page + pages) of the free run `run` into a run of `tag`; what is left and right stays free. */
export function claimPages(
  space: AddressSpace,
  run: number,
  page: number,
  pages: number,
  tag: number,
): void {
  const { runs, bins } = space
  const total = runs.pages(run)
  const right = run + total - (page + pages)
  bins.remove(run, total)
  if (right > 0) {
    runs.split(run, total - right)
    bins.insert(page + pages, right)
  }
  if (page > run) {
    runs.split(run, page - run)
    bins.insert(run, page - run)
  }
  runs.write(page, tag, pages)
}

/** Unmaps the part of one run that lies in [page, end). @returns Pages freed. */
export function releasePages(space: AddressSpace, page: number, end: number): number {
  const { runs } = space
  const run = runs.find(page)
  if (run < page) runs.split(run, page - run)
  const pages = Math.min(runs.pages(page), end - page)
  if (pages < runs.pages(page)) runs.split(page, pages)
  freePages(space, page, pages)
  space.memory.u32[space.slots + L.MAPPED] -= pages
  return pages
}

/** Makes the run at `page` free and joins it with free neighbours. */
export function freePages(space: AddressSpace, page: number, pages: number): void {
  const { runs, bins } = space
  const { u32 } = space.memory
  runs.write(page, TAG_FREE, pages)
  const right = page + pages
  if (right < u32[space.slots + L.END] && runs.tag(right) === TAG_FREE) {
    const rightPages = runs.pages(right)
    bins.remove(right, rightPages)
    pages += rightPages
    runs.write(page, TAG_FREE, pages)
    runs.clear(right)
  }
  const left = page > u32[space.slots + L.FIRST] ? runs.find(page - 1) : -1
  if (left >= 0 && runs.tag(left) === TAG_FREE) {
    bins.remove(left, runs.pages(left))
    pages += page - left
    runs.write(left, TAG_FREE, pages)
    runs.clear(page)
    page = left
  }
  bins.insert(page, pages)
}

/** Counts pages that were mapped, and remembers that they were used. */
export function countMapped(space: AddressSpace, page: number, pages: number): void {
  const { u32 } = space.memory
  if (page + pages > u32[space.slots + L.FRESH]) u32[space.slots + L.FRESH] = page + pages
  const mapped = u32[space.slots + L.MAPPED] + pages
  u32[space.slots + L.MAPPED] = mapped
  if (mapped > u32[space.slots + L.PEAK]) u32[space.slots + L.PEAK] = mapped
}
