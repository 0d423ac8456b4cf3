/** Finding room: for a new run of pages, and behind a run that is to grow. Both let the memory grow if they must. */
import type { AddressSpace } from './address-space.ts'
import { InvariantError } from './errors.ts'
import { type Boundary, firstOn } from './free-runs.ts'
import { PAGE_BYTES } from './layout.ts'
import { TAG_FREE } from './run-map.ts'
import { growSpace } from './space-growth.ts'
import * as L from './space-layout.ts'
import { claimPages, countMapped } from './space-runs.ts'

/**
 * Takes `pages` pages for `tag`, growing the memory when no free run will do. Only these: what lies before and behind them
 * in the run they are taken from stays free.
 *
 * @returns The first page, 0 when there is no room.
 */
export function takePages(
  space: AddressSpace,
  pages: number,
  tag: number,
  boundary: Boundary,
): number {
  const { bins } = space
  const wanted = pages + boundary.pages - 1
  let run = bins.find(wanted)
  if (run === 0 && growSpace(space, wanted)) run = bins.find(wanted)
  if (run === 0) run = bins.findExhaustively(pages, boundary)
  if (run === 0) return 0
  requireFree(space, run)
  const page = firstOn(boundary, run)
  claimPages(space, run, page, pages, tag)
  return page
}

/** A word of the bins is followed only to where the page map knows a free run. */
function requireFree({ runs, memory, slots }: AddressSpace, run: number): void {
  const { u32 } = memory
  const inside =
    run >= u32[slots + L.FIRST] && run + runs.pages(run) <= u32[slots + L.END] && runs.startsAt(run)
  if (!inside || runs.tag(run) !== TAG_FREE || runs.pages(run) === 0)
    throw new InvariantError(
      'address space',
      'a bin leads to pages that are not free',
      run * PAGE_BYTES,
    )
}

/** Lengthens the run at `run`, which ends at page `end`, by `more` pages. @returns `false` when others are in the way. */
export function extendRun(
  space: AddressSpace,
  run: number,
  end: number,
  more: number,
  zeroed: boolean,
): boolean {
  const { runs, memory, slots } = space
  if (run + runs.pages(run) !== end) return false
  const top = memory.u32[slots + L.END]
  const room = (): number =>
    end === memory.u32[slots + L.END] || runs.tag(end) !== TAG_FREE ? 0 : runs.pages(end)
  if (room() < more && end + room() === top) growSpace(space, more)
  if (room() < more) return false
  claimPages(space, end, end, more, runs.tag(run))
  runs.write(run, runs.tag(run), end - run + more)
  runs.clear(end)
  const used = Math.min(Math.max(memory.u32[slots + L.FRESH] - end, 0), more)
  if (zeroed) memory.zero(end * PAGE_BYTES, used * PAGE_BYTES)
  countMapped(space, end, more)
  return true
}
