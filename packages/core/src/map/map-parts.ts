/** What a byte of the address space can be. The order is that of the strata in a cell of a picture, bottom first. */
export const MAP_PARTS = [
  'small',
  'medium',
  'large',
  'slack',
  'mark',
  'meta',
  'cached',
  'free',
  'pages',
  'foreign',
] as const

/**
 * `small`, `medium`, `large` a payload of that kind; `slack` usable bytes that nobody asked for; `mark` header or footer;
 * `meta` bookkeeping (superblock, page map, side bytes, rests of pages); `cached` a block that a thread keeps ready, or
 * a quarantine holds; `free` room in a strategy's region; `pages` unmapped pages; `foreign` not the heap's.
 */
export type MapPart = (typeof MAP_PARTS)[number]

/** Indexes into {@link MAP_PARTS}. */
export const SMALL = 0
export const MEDIUM = 1
export const LARGE = 2
export const SLACK = 3
export const MARK = 4
export const META = 5
export const CACHED = 6
export const FREE = 7
export const PAGES = 8
export const FOREIGN = 9

/** In words, for legends. */
export const MAP_PART_LABELS: Readonly<Record<MapPart, string>> = {
  small: 'small payload',
  medium: 'medium payload',
  large: 'large payload',
  slack: 'slack',
  mark: 'marks',
  meta: 'bookkeeping',
  cached: 'kept ready by a thread',
  free: 'free blocks',
  pages: 'free pages',
  foreign: 'not of the heap',
}

/** Whether an entry of this part is a block in use: it has marks and a payload. */
export function isUsedPart(part: number): boolean {
  return part <= LARGE
}
