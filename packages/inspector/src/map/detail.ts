/** What is drawn over the cells: borders, names and bytes when there is room for them, the chosen block always. */

import { type HeapMap, indexAt, isUsedPart, MAP_PARTS, META } from '@vmalloc/core/map'
import { colorOf } from '../dom/theme.ts'
import type { ByteWindow } from './byte-window.ts'
import { ROW_HEIGHT, ROW_PITCH, type Viewport } from './viewport.ts'

const MAX_BORDERS = 4000
const MIN_BORDER_PIXELS = 4
const MIN_NAME_PIXELS = 64
const MIN_BYTE_PIXELS = 18

export interface Detail {
  /** Index of the chosen block, or -1. */
  readonly selected: number
  /** Addresses of words to outline. */
  readonly marked: readonly number[]
  readonly bytes: ByteWindow
}

/** Draws in pixels of the viewport. @returns How many pieces were looked at or drawn. */
export function drawDetail(
  context: CanvasRenderingContext2D,
  columns: HeapMap,
  view: Viewport,
  { selected, marked, bytes }: Detail,
): number {
  if (columns.count === 0) return 0
  const first = Math.max(0, indexAt(columns, view.start))
  let drawn = marked.length
  const last = indexAt(columns, view.start + view.span, first)
  const few = last - first <= MAX_BORDERS
  const meanPixels = view.span / view.scale / Math.max(1, last - first)
  if (few && meanPixels >= MIN_BORDER_PIXELS) {
    drawn += last - first + 1
    context.fillStyle = colorOf('paper')
    for (let i = first; i <= last; i++) {
      segments(view, columns.start[i], 1 / 64, (x, y) => context.fillRect(x, y, 1, ROW_HEIGHT))
    }
    if (1 / view.scale >= MIN_BYTE_PIXELS) drawn += drawBytes(context, view, bytes)
    else for (let i = first; i <= last; i++) drawName(context, columns, view, i)
  }
  context.strokeStyle = colorOf('ink')
  for (const address of marked) {
    context.lineWidth = 1.5
    segments(view, address, 4, (x, y, width) =>
      context.strokeRect(x + 0.5, y + 0.5, Math.max(3, width - 1), ROW_HEIGHT - 1),
    )
  }
  if (selected >= 0) {
    context.lineWidth = 2
    segments(view, columns.start[selected], columns.length[selected], (x, y, width) =>
      context.strokeRect(x, y - 1, Math.max(4, width), ROW_HEIGHT + 2),
    )
  }
  return drawn
}

function drawName(
  context: CanvasRenderingContext2D,
  columns: HeapMap,
  view: Viewport,
  i: number,
): void {
  const part = columns.part[i]
  const used = isUsedPart(part)
  const from = used ? columns.payload[i] : columns.start[i]
  const length = used ? columns.requested[i] : columns.length[i]
  if (length / view.scale < MIN_NAME_PIXELS) return
  const name = used ? `${columns.requested[i]}` : `${MAP_PARTS[part]} ${columns.length[i]}`
  context.font = '10px system-ui, sans-serif'
  context.textBaseline = 'middle'
  context.fillStyle = colorOf(used || part === META ? 'on-part' : 'ink')
  let named = false
  segments(view, from, length, (x, y, width) => {
    if (named || width < MIN_NAME_PIXELS) return
    named = true
    const text = width > 150 && used ? `${MAP_PARTS[part]}, ${name} bytes` : name
    context.fillText(text, x + 5, y + ROW_HEIGHT / 2 + 0.5, width - 8)
  })
}

function drawBytes(context: CanvasRenderingContext2D, view: Viewport, window: ByteWindow): number {
  const from = Math.floor(view.start)
  const bytes = window.get(from, Math.ceil(view.span) + 1)
  if (bytes === undefined) return 0
  context.font = '10px ui-monospace, monospace'
  context.textBaseline = 'middle'
  context.textAlign = 'center'
  context.fillStyle = colorOf('ink')
  bytes.forEach((byte, offset) => {
    segments(view, from + offset, 1, (x, y, width) => {
      if (width * view.scale < 0.75) return
      context.fillText(byte.toString(16).padStart(2, '0'), x + width / 2, y + ROW_HEIGHT / 2 + 0.5)
    })
  })
  context.textAlign = 'start'
  return bytes.length
}

/** The rectangles that a stretch of addresses takes: one for each row. */
function segments(
  view: Viewport,
  address: number,
  length: number,
  each: (x: number, y: number, width: number) => void,
): void {
  const pixels = (address - view.start) / view.scale
  const end = Math.min(pixels + length / view.scale, view.rows * view.width)
  let at = Math.max(0, pixels)
  while (at < end) {
    const row = Math.floor(at / view.width)
    const stop = Math.min(end, (row + 1) * view.width)
    each(at - row * view.width, row * ROW_PITCH, stop - at)
    at = stop
  }
}
