/**
 * The control block of an address space.
 *
 *     + 0    magic "ASPC"     + 4   first page         + 8   end page, one past the last ever obtained
 *     +12    fresh page       pages from here on were never used, so they are zero
 *     +16    mapped pages     +20   peak of them       +24   pages of the page map
 *     +28    sources          +32   segments           +36   growths
 *     +40    pages of gaps   how many pages between first and end are not ours; steers growth only
 *     +44    first page, and +48 pages, of a growth that is under way; 0 pages when none is
 *     +64    names of the sources, 24 x 16 bytes
 *     +448   bins of free runs (free-runs.ts)
 *            summary, a bit for each segment (run-map.ts)
 *            directory, a word for each segment (page-table.ts)
 */
import { FREE_RUNS_BYTES } from './free-runs.ts'

export const SPACE_MAGIC = 0x43505341

/** Word offsets. */
export const FIRST = 1
export const END = 2
export const FRESH = 3
export const MAPPED = 4
export const PEAK = 5
export const META = 6
export const SOURCES = 7
export const SEGMENTS = 8
export const GROWTHS = 9
export const GAPS = 10
export const GROWING = 11
export const GROWING_PAGES = 12

export const MAX_SOURCES = 24
export const SOURCE_NAME_BYTES = 16
export const NAMES_OFFSET_BYTES = 64
export const BINS_OFFSET_BYTES: number = NAMES_OFFSET_BYTES + MAX_SOURCES * SOURCE_NAME_BYTES
export const SUMMARY_OFFSET_BYTES: number = BINS_OFFSET_BYTES + FREE_RUNS_BYTES
