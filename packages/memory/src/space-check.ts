/** The invariants of an address space, verified in one walk over all runs. */
import type { AddressSpace } from './address-space.ts'
import { InvariantError } from './errors.ts'
import { BINS, binOf } from './free-runs.ts'
import { PAGE_BYTES } from './layout.ts'
import {
  FIRST_SOURCE_TAG,
  NEXT_COLUMN,
  PREV_COLUMN,
  TAG_FREE,
  TAG_GAP,
  TAG_META,
} from './run-map.ts'
import * as L from './space-layout.ts'

const LAYER = 'address space'

export function checkSpace(space: AddressSpace): void {
  const { memory, runs, slots } = space
  const { u32 } = memory.refresh()
  const end = u32[slots + L.END]
  let mapped = 0
  let meta = 0
  let previousFree = false
  const binned = new Map<number, number>()
  for (let page = u32[slots + L.FIRST]; page < end; ) {
    const address = page * PAGE_BYTES
    const pages = runs.pages(page)
    const tag = runs.tag(page)
    const fail = (invariant: string): never => {
      throw new InvariantError(LAYER, invariant, address)
    }
    if (pages === 0 || page + pages > end)
      fail(`a run of ${pages} pages does not end where the next begins`)
    if (!runs.startsAt(page)) fail('a run of the chain is missing in the start bits')
    if (runs.find(page + pages - 1) !== page) fail('a start bit is set inside a run')
    if (tag < TAG_FREE || tag >= FIRST_SOURCE_TAG + u32[slots + L.SOURCES])
      fail(`unknown tag ${tag}`)
    if (tag === TAG_FREE) {
      if (previousFree) fail('two free runs adjoin')
      binned.set(page, pages)
    }
    if (tag === TAG_META) meta += pages
    if (tag >= FIRST_SOURCE_TAG) {
      mapped += pages
      if (page + pages > u32[slots + L.FRESH]) fail('a mapped run is taken to be never used')
    }
    if (tag !== TAG_GAP && (page + pages) * PAGE_BYTES > memory.byteLength)
      fail('a run lies beyond the memory')
    previousFree = tag === TAG_FREE
    page += pages
  }
  if (mapped * PAGE_BYTES !== space.mappedBytes) {
    throw new InvariantError(
      LAYER,
      `${mapped} pages are mapped, but ${space.mappedBytes / PAGE_BYTES} counted`,
    )
  }
  if (space.mappedBytes > space.peakMappedBytes)
    throw new InvariantError(LAYER, 'the peak is below the present')
  const metaBytes = memory.controlEnd - memory.base + meta * PAGE_BYTES
  if (metaBytes !== space.metaBytes)
    throw new InvariantError(LAYER, 'pages of the page map are counted wrong')
  checkBins(space, binned)
}

/** Every free run is in the list of its bin exactly once, with links that match both ways, and nothing else is. */
function checkBins(space: AddressSpace, free: Map<number, number>): void {
  const { bins, runs } = space
  const { u32 } = space.memory
  let found = 0
  for (let bin = 0; bin < BINS; bin++) {
    let previous = 0
    for (let page = bins.headOf(bin); page !== 0; page = u32[runs.table.slot(page) + NEXT_COLUMN]) {
      const pages = free.get(page)
      if (pages === undefined || binOf(pages) !== bin) {
        throw new InvariantError(
          LAYER,
          'a bin lists a run that is not free or of another length',
          page * PAGE_BYTES,
        )
      }
      // This also bounds the loop: in a list that runs back into itself one run has two predecessors.
      if (u32[runs.table.slot(page) + PREV_COLUMN] !== previous) {
        throw new InvariantError(LAYER, 'the links of a bin do not match', page * PAGE_BYTES)
      }
      found++
      previous = page
    }
  }
  if (found !== free.size) {
    throw new InvariantError(LAYER, `${free.size} runs are free, but the bins list ${found}`)
  }
  if (!bins.bitsMatch())
    throw new InvariantError(LAYER, 'the bits of the bins contradict their lists')
}
