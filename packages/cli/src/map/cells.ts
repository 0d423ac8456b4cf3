/** The address space in cells of equal length, for both maps: the picture and the one in the terminal. */
import {
  bytesBelow,
  FOREIGN,
  type HeapMap,
  indexAt,
  MAP_PARTS,
  META,
  totalsOf,
} from '@vmalloc/core/map'

/** The address space from 0 to its end. */
export interface CellMap {
  readonly cellBytes: number
  readonly cells: number
  /** Bytes of cell c that are part p: `bytes[c * MAP_PARTS.length + p]`. */
  readonly bytes: Float64Array
  /** Bytes of each part in all, in the order of `MAP_PARTS`. */
  readonly totals: readonly number[]
  /** Where the last piece ends. */
  readonly end: number
}

const MIN_CELL_BYTES = 16
const PART_COUNT = MAP_PARTS.length

/** @param maxCells - The cell length is the smallest power of two that needs no more cells. */
export function cellMap(map: HeapMap, maxCells: number): CellMap {
  const { end } = map
  let cellBytes = MIN_CELL_BYTES
  while (cellBytes * maxCells < end) cellBytes *= 2
  const cells = Math.ceil(end / cellBytes)
  const bytes = new Float64Array(cells * PART_COUNT)
  let below = new Float64Array(PART_COUNT)
  let above = new Float64Array(PART_COUNT)
  let index = -1
  for (let cell = 0; cell < cells; cell++) {
    const stop = (cell + 1) * cellBytes
    index = indexAt(map, stop, Math.max(0, index))
    bytesBelow(map, index, stop, above)
    for (let p = 0; p < PART_COUNT; p++) bytes[cell * PART_COUNT + p] = above[p] - below[p]
    const spare = below
    below = above
    above = spare
  }
  const totals = totalsOf(map)
  return { cellBytes, cells, bytes, totals: MAP_PARTS.map((part) => totals[part]), end }
}

/** Share of a cell whose bytes nobody else can have. */
export function usedFraction(map: CellMap, cell: number): number {
  const base = cell * PART_COUNT
  let used = 0
  for (let p = 0; p < PART_COUNT; p++) if (p <= META || p === FOREIGN) used += map.bytes[base + p]
  return used / map.cellBytes
}
