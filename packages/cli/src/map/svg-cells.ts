/** The cells of a panel, as one path per part: about 15 bytes a rectangle instead of 70. */
import { MAP_PARTS } from '@vmalloc/core/map'
import type { CellMap } from './cells.ts'
import { type GridShape, stackHeights } from './grid.ts'

/** @returns `<path>` elements; the origin is the panel's upper left cell. */
export function gridPaths(map: CellMap, grid: GridShape): string[] {
  const levels = grid.pitchY - grid.gapY
  const paths = MAP_PARTS.map(() => '')
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
  return MAP_PARTS.map((part, p) =>
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
