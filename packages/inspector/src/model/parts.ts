/** What a byte of the address space can be. The order is that of the strata in a cell, bottom first. */
export const PARTS = [
  'small',
  'medium',
  'large',
  'slack',
  'mark',
  'meta',
  'cached',
  'free',
  'pages',
] as const

export type Part = (typeof PARTS)[number]

export const SMALL = 0
export const MEDIUM = 1
export const LARGE = 2
export const SLACK = 3
export const MARK = 4
export const META = 5
export const CACHED = 6
export const FREE = 7
export const PAGES = 8

/** In words, for legends. */
export const PART_LABELS: Readonly<Record<Part, string>> = {
  small: 'small payload',
  medium: 'medium payload',
  large: 'large payload',
  slack: 'slack',
  mark: 'marks',
  meta: 'bookkeeping',
  cached: 'kept ready by a thread',
  free: 'free blocks',
  pages: 'free pages',
}

/** Whether a block of this part is in use: it has marks and a payload. */
export function isUsed(part: number): boolean {
  return part <= LARGE
}
