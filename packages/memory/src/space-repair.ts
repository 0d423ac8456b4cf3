/**
 * Repairing an address space after an operation was cut short.
 *
 * The chain of runs is the truth: at every moment it can be followed from the first page to the end. Start bits, bins and
 * counters are made anew from it. Can be cut short itself, and begun again.
 */
import type { AddressSpace } from './address-space.ts'
import type { Region } from './contract.ts'
import { InvariantError } from './errors.ts'
import { PAGE_BYTES } from './layout.ts'
import { FIRST_SOURCE_TAG, TAG_FREE, TAG_GAP, TAG_META } from './run-map.ts'
import { finishGrowth } from './space-growth.ts'
import * as L from './space-layout.ts'

/** @returns The regions of each source after the repair, by tag. */
export function repairSpace(space: AddressSpace): Map<number, Region[]> {
  const { memory, runs, bins, slots } = space
  const { u32 } = memory
  const end = u32[slots + L.END]
  runs.table.dropLeavesFrom(end * PAGE_BYTES)
  const chain = readChain(space)
  bins.clear()
  runs.clearStarts()
  const leaves = new Set(runs.table.leaves())
  let mapped = 0
  let gaps = 0
  const sources = new Map<number, Region[]>()
  const repaired = splitMeta(chain, leaves)
  // From the end: a run that is cut in two must have its second half before it gets shorter, or the chain would break.
  for (let i = repaired.length - 1; i >= 0; i--) {
    const { page, pages, tag } = repaired[i]
    runs.start(page, tag, pages)
  }
  for (const { page, pages, tag } of repaired) {
    if (tag === TAG_FREE) bins.insert(page, pages)
    if (tag === TAG_GAP) gaps += pages
    if (tag < FIRST_SOURCE_TAG) continue
    mapped += pages
    // Whoever took these pages may not have come to say so, and its strategy may keep them.
    if (page + pages > u32[slots + L.FRESH]) u32[slots + L.FRESH] = page + pages
    const regions = sources.get(tag) ?? []
    regions.push({ address: page * PAGE_BYTES, length: pages * PAGE_BYTES })
    sources.set(tag, regions)
  }
  u32[slots + L.META] = leaves.size
  u32[slots + L.GAPS] = gaps
  u32[slots + L.MAPPED] = mapped
  u32[slots + L.PEAK] = Math.max(u32[slots + L.PEAK], mapped)
  finishGrowth(space)
  return sources
}

interface Run {
  readonly page: number
  readonly pages: number
  readonly tag: number
}

function readChain(space: AddressSpace): Run[] {
  const { runs, slots } = space
  const { u32 } = space.memory
  const end = u32[slots + L.END]
  const chain: Run[] = []
  for (let page = u32[slots + L.FIRST]; page < end; ) {
    const pages = runs.pages(page)
    if (pages === 0 || page + pages > end) {
      throw new InvariantError(
        'address space',
        'the chain of runs is broken and cannot be repaired',
        page * PAGE_BYTES,
      )
    }
    chain.push({ page, pages, tag: runs.tag(page) })
    page += pages
  }
  return chain
}

/** Pages that a growth had not yet given away become free, and free neighbours join. */
function splitMeta(chain: readonly Run[], leaves: ReadonlySet<number>): Run[] {
  const result: Run[] = []
  const add = (page: number, pages: number, tag: number): void => {
    const last = result.at(-1)
    const joins = last !== undefined && last.tag === tag && (tag === TAG_FREE || tag === TAG_META)
    if (joins) result[result.length - 1] = { page: last.page, pages: last.pages + pages, tag }
    else result.push({ page, pages, tag })
  }
  for (const { page, pages, tag } of chain) {
    if (tag !== TAG_META) add(page, pages, tag)
    else {
      for (let i = page; i < page + pages; i++)
        add(i, 1, leaves.has(i * PAGE_BYTES) ? TAG_META : TAG_FREE)
    }
  }
  return result
}
