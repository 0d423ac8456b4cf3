/**
 * The address space as a picture: one panel per heap, addresses from left to right and top to bottom, one cell per so many bytes.
 * A cell is filled from below in proportion to what its bytes are, so that a row reads as strata.
 */
import { type HeapMap, MAP_PART_LABELS, MAP_PARTS, type MapPart } from '@vmalloc/core/map'
import { bytesText, countText, percentText } from '../terminal/text.ts'
import { type CellMap, cellMap } from './cells.ts'
import type { Drawing, Shape } from './drawing.ts'
import { GRID } from './grid.ts'
import type { ColorName } from './palette.ts'

/** One heap to draw. */
export interface MapPanel {
  readonly title: string
  /** A line of figures under the title. */
  readonly caption: string
  /** What `heap.map()` gave. */
  readonly map: HeapMap
}

/** What is drawn: maps below each other, under one title. */
export interface Picture {
  readonly title: string
  readonly subtitle: string
  readonly panels: readonly MapPanel[]
}

const GRID_WIDTH = GRID.columns * GRID.pitchX - GRID.gapX
const LEFT = 96
const RIGHT = 40
const WIDTH = LEFT + GRID_WIDTH + RIGHT
const MIN_PANEL_ROWS = 1
const MAX_PANEL_ROWS = 32
const HEADER_HEIGHT = 136
const PANEL_HEAD = 60
const PANEL_FOOT = 44
/** Per character of a legend's label, and around it. */
const KEY_CHAR_WIDTH = 7.2
const KEY_GAP = 38
/** Below that a bar has no room for its share in words. */
const MIN_SHARE_WIDTH = 44

/** @param totalRows - Rows of cells of all panels together. */
export function layOut(picture: Picture, totalRows: number): Drawing {
  const { title, subtitle, panels } = picture
  const each = Math.floor(totalRows / Math.max(1, panels.length))
  const rows = Math.min(MAX_PANEL_ROWS, Math.max(MIN_PANEL_ROWS, each))
  const maps = panels.map(({ map }) => cellMap(map, rows * GRID.columns))
  const shapes: Shape[] = [
    { kind: 'text', style: 'title', color: 'ink', x: LEFT, y: 52, text: title },
    { kind: 'text', style: 'sub', color: 'soft', x: LEFT, y: 76, text: subtitle },
    ...legend(MAP_PARTS.map((_, p) => maps.some(({ totals }) => totals[p] > 0))),
  ]
  let top = HEADER_HEIGHT
  panels.forEach((panel, index) => {
    const map = maps[index]
    const used = Math.max(1, Math.ceil(map.cells / GRID.columns))
    shapes.push(...drawPanel(panel, map, used, top))
    top += PANEL_HEAD + used * GRID.pitchY + PANEL_FOOT
  })
  return { title, subtitle, width: WIDTH, height: top + 8, shapes }
}

function legend(present: readonly boolean[]): Shape[] {
  const size = { y: 96, width: 12, height: 12, radius: 2 }
  let x = LEFT
  return MAP_PARTS.filter((_, p) => present[p]).flatMap((part): Shape[] => {
    const text = MAP_PART_LABELS[part]
    const at = x
    x += Math.round(text.length * KEY_CHAR_WIDTH) + KEY_GAP
    return [
      { kind: 'rect', color: part, x: at, ...size },
      { kind: 'text', style: 'key', color: 'soft', x: at + 18, y: 106, text },
    ]
  })
}

function drawPanel(panel: MapPanel, map: CellMap, rows: number, top: number): Shape[] {
  const grid = top + PANEL_HEAD
  const right = LEFT + GRID_WIDTH
  const note = `one cell is ${bytesText(map.cellBytes)}, one row ${bytesText(map.cellBytes * GRID.columns)}`
  const labelEvery = rows > 8 ? 4 : 2
  const addresses: Shape[] = []
  for (let row = 0; row < rows; row += labelEvery) {
    const text = (row * GRID.columns * map.cellBytes).toString(16).padStart(8, '0')
    const y = grid + row * GRID.pitchY + 10
    addresses.push({
      kind: 'text',
      style: 'address',
      color: 'faint',
      x: LEFT - 12,
      y,
      text,
      end: true,
    })
  }
  const line = { kind: 'text', y: top + 22 } as const
  const noteY = grid + rows * GRID.pitchY + 14
  return [
    { ...line, style: 'name', color: 'ink', x: LEFT, text: panel.title },
    { ...line, style: 'caption', color: 'soft', x: right, text: panel.caption, end: true },
    ...shares(map, top + 34),
    ...addresses,
    { kind: 'cells', map, rows, x: LEFT, y: grid },
    { kind: 'text', style: 'note', color: 'faint', x: right, y: noteY, text: note, end: true },
  ]
}

/** One bar with the share of each part in the whole. */
function shares({ totals }: CellMap, y: number): Shape[] {
  const sum = totals.reduce((a, b) => a + b, 0)
  let x = LEFT
  return MAP_PARTS.flatMap((color, p): Shape[] => {
    const width = sum === 0 ? 0 : (totals[p] / sum) * GRID_WIDTH
    if (width === 0) return []
    const share = percentText(totals[p] / sum)
    const note = `${MAP_PART_LABELS[color]}: ${countText(totals[p])} bytes, ${share}`
    const at = x
    x += width
    const bar: Shape = { kind: 'rect', color, x: at, y, width, height: 10, note }
    if (width <= MIN_SHARE_WIDTH) return [bar]
    const words = { style: 'share', color: inkOn(color), x: at + 6, y: y + 8, text: share } as const
    return [bar, { kind: 'text', ...words }]
  })
}

function inkOn(part: MapPart): ColorName {
  if (part === 'slack') return 'onSlack'
  return part === 'cached' || part === 'free' || part === 'pages' || part === 'foreign'
    ? 'ink'
    : 'onParts'
}
