/** Where the cells of a panel lie, and how high each part stands in a cell. */
import { MAP_PARTS } from '@vmalloc/core/map'
import type { CellMap } from './cells.ts'

/** Pixels: cells are pitch minus gap. */
export interface GridShape {
  readonly columns: number
  readonly pitchX: number
  readonly pitchY: number
  readonly gapX: number
  readonly gapY: number
}

/** Columns are a power of two, so that every row begins at a round address. */
export const GRID: GridShape = { columns: 128, pitchX: 9, pitchY: 14, gapX: 1, gapY: 2 }

/**
 * Bytes of each part to whole pixels that add up to `levels` (largest remainder), bytes beyond the end of the space
 * left out.
 */
export function stackHeights(map: CellMap, cell: number, levels: number): number[] {
  const base = cell * MAP_PARTS.length
  const exact = MAP_PARTS.map((_, p) => (map.bytes[base + p] / map.cellBytes) * levels)
  const heights = exact.map(Math.floor)
  const total = Math.round(exact.reduce((a, b) => a + b, 0))
  let missing = total - heights.reduce((a, b) => a + b, 0)
  while (missing-- > 0) {
    let best = 0
    for (let p = 1; p < exact.length; p++) {
      if (exact[p] - heights[p] > exact[best] - heights[best]) best = p
    }
    heights[best]++
  }
  return heights
}
