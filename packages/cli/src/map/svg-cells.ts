/** The cells of a panel, as one path per part: about 15 bytes a rectangle instead of 70. */
import { type CellMap, PARTS } from './parts.ts'

/** Pixels: cells are pitch minus gap. */
export interface GridShape {
  readonly columns: number
  readonly pitchX: number
  readonly pitchY: number
  readonly gapX: number
  readonly gapY: number
}

/** @returns `<path>` elements; the origin is the panel's upper left cell. */
export function gridPaths(map: CellMap, grid: GridShape): string[] {
  const levels = grid.pitchY - grid.gapY
  const paths = PARTS.map(() => '')
  let run = ''
  let runStart = 0
  const flush = (end: number): void => {
    if (run !== '') drawRun(paths, run, runStart, end - runStart, grid)
  }
  for (let cell = 0; cell < map.cells; cell++) {
    const heights = stackHeights(map, cell, levels).join(' ')
    // Equal neighbours in a row become one rectangle; the pattern of gaps over it makes squares of it again.
    if (heights !== run || cell % grid.columns === 0) {
      flush(cell)
      run = heights
      runStart = cell
    }
  }
  flush(map.cells)
  return PARTS.map((part, p) =>
    paths[p] === '' ? '' : `<path class="${part}" d="${paths[p]}"/>`,
  ).filter((path) => path !== '')
}

function drawRun(
  paths: string[],
  run: string,
  cell: number,
  count: number,
  { columns, pitchX, pitchY, gapY }: GridShape,
): void {
  const x = (cell % columns) * pitchX
  const width = count * pitchX
  let bottom = (Math.floor(cell / columns) + 1) * pitchY - gapY
  run.split(' ').forEach((text, p) => {
    const height = Number(text)
    if (height === 0) return
    bottom -= height
    paths[p] += `M${x} ${bottom}h${width}v${height}h-${width}z`
  })
}

/**
 * Bytes of each part to whole pixels that add up to `levels` (largest remainder), bytes beyond the end of the space
 * left out.
 */
function stackHeights(map: CellMap, cell: number, levels: number): number[] {
  const base = cell * PARTS.length
  const exact = PARTS.map((_, p) => (map.bytes[base + p] / map.cellBytes) * levels)
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
