/**
 * The address space as a picture: one panel per heap, addresses from left to right and top to bottom, one cell per so many bytes.
 * A cell is filled from below in proportion to what its bytes are, so that a row reads as strata.
 */
import { bytesText, countText, escapeXml, percentText } from '../terminal/text.ts'
import { type CellMap, cellMap, PART_LABELS, PARTS, type Piece } from './parts.ts'
import { type GridShape, gridPaths } from './svg-cells.ts'
import { STYLE } from './svg-style.ts'

/** One heap to draw. */
export interface MapPanel {
  readonly title: string
  /** A line of figures under the title. */
  readonly caption: string
  readonly pieces: readonly Piece[]
}

/** What is drawn: maps below each other, under one title. */
export interface Picture {
  readonly title: string
  readonly subtitle: string
  readonly panels: readonly MapPanel[]
}

/** A power of two, so that every row begins at a round address. */
const COLUMNS = 128
const GRID: GridShape = { columns: COLUMNS, pitchX: 9, pitchY: 14, gapX: 1, gapY: 2 }
const GRID_WIDTH = COLUMNS * GRID.pitchX - GRID.gapX
const LEFT = 96
const RIGHT = 40
const WIDTH = LEFT + GRID_WIDTH + RIGHT
/** Rows of all panels together, finest first; the first whose file stays small is taken. */
const ROWS = [64, 48, 36, 28, 20, 14]
const MAX_FILE_CHARS = 280_000
const MIN_PANEL_ROWS = 1
const MAX_PANEL_ROWS = 32
const HEADER_HEIGHT = 136
const PANEL_HEAD = 60
const PANEL_FOOT = 44
/** Per character of a legend's label, and around it. */
const KEY_CHAR_WIDTH = 7.2
const KEY_GAP = 38

/** @returns A complete SVG document, below 300 KB for up to some twenty panels. */
export function drawPicture(picture: Picture): string {
  let drawn = ''
  for (const rows of ROWS) {
    const each = Math.floor(rows / Math.max(1, picture.panels.length))
    drawn = drawWithRows(picture, Math.min(MAX_PANEL_ROWS, Math.max(MIN_PANEL_ROWS, each)))
    if (drawn.length <= MAX_FILE_CHARS) break
  }
  return drawn
}

function drawWithRows(picture: Picture, rows: number): string {
  const maps = picture.panels.map((panel) => cellMap(panel.pieces, rows * COLUMNS))
  const present = PARTS.map((_, p) => maps.some((map) => map.totals[p] > 0))
  let top = HEADER_HEIGHT
  const panels = picture.panels.map((panel, index) => {
    const drawn = drawPanel(panel, maps[index], top)
    top += drawn.height
    return drawn.text
  })
  const height = top + 8
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escapeXml(picture.title)}</title>`,
    `<desc id="d">${escapeXml(picture.subtitle)}</desc>`,
    `<style>${STYLE}</style>`,
    drawGaps(),
    `<rect class="bg" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="${LEFT}" y="52">${escapeXml(picture.title)}</text>`,
    `<text class="sub" x="${LEFT}" y="76">${escapeXml(picture.subtitle)}</text>`,
    drawLegend(present),
    ...panels,
    '</svg>',
    '',
  ].join('\n')
}

/** Laid over the grid: makes squares of runs that were drawn as one rectangle. */
function drawGaps(): string {
  const { pitchX, pitchY, gapX, gapY } = GRID
  const across = `M0 ${pitchY - gapY}h${pitchX}v${gapY}h-${pitchX}z`
  const down = `M${pitchX - gapX} 0h${gapX}v${pitchY}h-${gapX}z`
  return `<defs><pattern id="gaps" width="${pitchX}" height="${pitchY}" patternUnits="userSpaceOnUse"><path class="bg" d="${across}${down}"/></pattern></defs>`
}

function drawLegend(present: readonly boolean[]): string {
  let x = LEFT
  const entries: string[] = []
  PARTS.forEach((part, p) => {
    if (!present[p]) return
    const label = PART_LABELS[part]
    entries.push(
      `<rect class="${part}" x="${x}" y="96" width="12" height="12" rx="2"/><text class="key" x="${x + 18}" y="106">${label}</text>`,
    )
    x += Math.round(label.length * KEY_CHAR_WIDTH) + KEY_GAP
  })
  return entries.join('')
}

function drawPanel(panel: MapPanel, map: CellMap, top: number): { text: string; height: number } {
  const rows = Math.max(1, Math.ceil(map.cells / COLUMNS))
  const grid = top + PANEL_HEAD
  const parts: string[] = [
    `<text class="name" x="${LEFT}" y="${top + 22}">${escapeXml(panel.title)}</text>`,
    `<text class="caption" x="${LEFT + GRID_WIDTH}" y="${top + 22}" text-anchor="end">${escapeXml(panel.caption)}</text>`,
    drawShares(map, top + 34),
  ]
  const labelEvery = rows > 8 ? 4 : 2
  for (let row = 0; row < rows; row += labelEvery) {
    const address = (row * COLUMNS * map.cellBytes).toString(16).padStart(8, '0')
    parts.push(
      `<text class="address" x="${LEFT - 12}" y="${grid + row * GRID.pitchY + 10}">${address}</text>`,
    )
  }
  parts.push(`<g transform="translate(${LEFT} ${grid})" shape-rendering="crispEdges">`)
  parts.push(...gridPaths(map, GRID))
  parts.push(
    `<rect fill="url(#gaps)" width="${COLUMNS * GRID.pitchX}" height="${rows * GRID.pitchY}"/></g>`,
  )
  const note = `one cell is ${bytesText(map.cellBytes)}, one row ${bytesText(map.cellBytes * COLUMNS)}`
  parts.push(
    `<text class="note" x="${LEFT + GRID_WIDTH}" y="${grid + rows * GRID.pitchY + 14}" text-anchor="end">${note}</text>`,
  )
  return { text: parts.join('\n'), height: PANEL_HEAD + rows * GRID.pitchY + PANEL_FOOT }
}

/** One bar with the share of each part in the whole; the words are in its tooltips. */
function drawShares(map: CellMap, y: number): string {
  const sum = map.totals.reduce((a, b) => a + b, 0)
  let x = LEFT
  const bars: string[] = []
  PARTS.forEach((part, p) => {
    const width = sum === 0 ? 0 : (map.totals[p] / sum) * GRID_WIDTH
    if (width === 0) return
    const words = `${PART_LABELS[part]}: ${countText(map.totals[p])} bytes, ${percentText(map.totals[p] / sum)}`
    bars.push(
      `<rect class="${part}" x="${x.toFixed(2)}" y="${y}" width="${width.toFixed(2)}" height="10"><title>${words}</title></rect>`,
    )
    if (width > 44) {
      bars.push(
        `<text class="share on-${part}" x="${(x + 6).toFixed(2)}" y="${y + 8}">${percentText(map.totals[p] / sum)}</text>`,
      )
    }
    x += width
  })
  return bars.join('')
}
