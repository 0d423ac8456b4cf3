/**
 * Fills the pixels of the map. Each column of a row is a cell of `scale` bytes, filled from below in proportion to what
 * its bytes are. Cost: linear in the pixels, logarithmic in the blocks.
 */
import { bytesBelow, type HeapMap, indexAt, MAP_PARTS } from '@vmalloc/core/map'
import { ROW_HEIGHT, ROW_PITCH, type Viewport } from './viewport.ts'

/** Colours as the pixels of an `ImageData` have them: ABGR words. */
export interface Palette {
  readonly parts: Uint32Array
  readonly paper: number
}

const PART_COUNT = MAP_PARTS.length

/**
 * @param ratio - Pixels of the image per pixel of the viewport.
 * @returns Cells drawn: at most one for each pixel of each row.
 */
export function paintMap(
  image: ImageData,
  columns: HeapMap,
  view: Viewport,
  palette: Palette,
  ratio: number,
): number {
  const pixels = new Uint32Array(image.data.buffer)
  const { width } = image
  pixels.fill(palette.paper)
  const height = Math.round(ROW_HEIGHT * ratio)
  const cell = view.scale / ratio
  let below = new Float64Array(PART_COUNT)
  let above = new Float64Array(PART_COUNT)
  let index = indexAt(columns, view.start)
  bytesBelow(columns, index, view.start, below)
  let cells = 0
  for (let row = 0; row < view.rows; row++) {
    const top = Math.round(row * ROW_PITCH * ratio)
    const first = view.start + row * view.width * view.scale
    for (let x = 0; x < width; x++) {
      const address = first + (x + 1) * cell
      if (address - cell >= columns.end) return cells
      cells++
      index = indexAt(columns, address, Math.max(0, index))
      bytesBelow(columns, index, address, above)
      paintCell(pixels, (top + height - 1) * width + x, width, height, below, above, palette.parts)
      const spare = below
      below = above
      above = spare
    }
  }
  return cells
}

/** Running sums are rounded, not the shares, so that they add up to the height. */
function paintCell(
  pixels: Uint32Array,
  bottom: number,
  width: number,
  height: number,
  below: Float64Array,
  above: Float64Array,
  colors: Uint32Array,
): void {
  let total = 0
  for (let p = 0; p < PART_COUNT; p++) total += above[p] - below[p]
  if (total <= 0) return
  let sum = 0
  let from = 0
  for (let p = 0; p < PART_COUNT; p++) {
    const share = above[p] - below[p]
    if (share <= 0) continue
    sum += share
    const to = Math.round((sum / total) * height)
    const color = colors[p]
    for (; from < to; from++) pixels[bottom - from * width] = color
  }
}
