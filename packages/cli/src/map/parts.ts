/** What a byte of the address space can be, for both maps: the picture and the one in the terminal. */

/** Bottom to top in a cell of the picture. */
export const PARTS = ['small', 'medium', 'large', 'slack', 'mark', 'meta', 'free', 'pages'] as const
/** One of {@link PARTS}. */
export type Part = (typeof PARTS)[number]

/** In words, for legends. */
export const PART_LABELS: Readonly<Record<Part, string>> = {
  small: 'small payload',
  medium: 'medium payload',
  large: 'large payload',
  slack: 'slack',
  mark: 'marks',
  meta: 'bookkeeping',
  free: 'free blocks',
  pages: 'free pages',
}

/** A stretch of the address space that is one thing. */
export interface Piece {
  readonly address: number
  readonly size: number
  readonly part: Part
}

/** The address space from 0 to its end, by cells of equal length. */
export interface CellMap {
  readonly cellBytes: number
  readonly cells: number
  /** Bytes of cell c that are part p: `bytes[c * PARTS.length + p]`. */
  readonly bytes: Float64Array
  /** Bytes of each part in all, in the order of {@link PARTS}. */
  readonly totals: readonly number[]
  /** Where the last piece ends. */
  readonly end: number
}

const MIN_CELL_BYTES = 16

/**
 * Sums pieces up by cells.
 *
 * @param maxCells - The cell length is the smallest power of two that needs no more cells.
 */
export function cellMap(pieces: readonly Piece[], maxCells: number): CellMap {
  const end = pieces.reduce((last, piece) => Math.max(last, piece.address + piece.size), 0)
  let cellBytes = MIN_CELL_BYTES
  while (cellBytes * maxCells < end) cellBytes *= 2
  const cells = Math.ceil(end / cellBytes)
  const bytes = new Float64Array(cells * PARTS.length)
  const totals = new Array<number>(PARTS.length).fill(0)
  for (const { address, size, part } of pieces) {
    const p = PARTS.indexOf(part)
    totals[p] += size
    for (let at = address; at < address + size; ) {
      const cell = Math.floor(at / cellBytes)
      const stop = Math.min((cell + 1) * cellBytes, address + size)
      bytes[cell * PARTS.length + p] += stop - at
      at = stop
    }
  }
  return { cellBytes, cells, bytes, totals, end }
}

/** Parts of one cell that occupy bytes which nobody else can have. */
export function usedFraction(map: CellMap, cell: number): number {
  const base = cell * PARTS.length
  let used = 0
  PARTS.forEach((part, p) => {
    if (part !== 'free' && part !== 'pages') used += map.bytes[base + p]
  })
  return used / map.cellBytes
}
