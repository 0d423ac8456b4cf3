/** A picture as SVG: it follows the reader's choice of light or dark, and says more under the pointer. */
import { MAP_PARTS } from '@vmalloc/core/map'
import { escapeXml } from '../terminal/text.ts'
import type { Drawing, Shape } from './drawing.ts'
import { GRID } from './grid.ts'
import { layOut, type Picture } from './layout.ts'
import { type ColorName, DARK, LIGHT, type Palette } from './palette.ts'
import { gridPaths } from './svg-cells.ts'

/** Rows of all panels together, finest first; the first whose file stays small is taken. */
const ROWS = [64, 48, 36, 28, 20, 14]
const MAX_FILE_CHARS = 280_000

const INKS: readonly ColorName[] = ['ink', 'soft', 'faint', 'onParts', 'onSlack']

const LETTERS = [
  'text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}',
  '.title{font-size:26px;font-weight:650;letter-spacing:-.01em}',
  '.sub{font-size:14px}.key{font-size:12.5px}',
  '.name{font-size:17px;font-weight:600}.caption{font-size:12.5px}',
  '.note{font-size:11px}.share{font-size:8.5px;font-weight:600}',
  '.address{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:10px}',
].join('')

/** @returns A complete SVG document, below 300 KB for up to some twenty panels. */
export function drawPicture(picture: Picture): string {
  let drawn = ''
  for (const rows of ROWS) {
    drawn = svgOf(layOut(picture, rows))
    if (drawn.length <= MAX_FILE_CHARS) break
  }
  return drawn
}

function svgOf({ title, subtitle, width, height, shapes }: Drawing): string {
  const style = `${LETTERS}${rules(LIGHT)}@media(prefers-color-scheme:dark){${rules(DARK)}}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escapeXml(title)}</title>`,
    `<desc id="d">${escapeXml(subtitle)}</desc>`,
    `<style>${style}</style>`,
    drawGaps(),
    `<rect class="bg" width="${width}" height="${height}"/>`,
    ...shapes.map(element),
    '</svg>',
    '',
  ].join('\n')
}

function rules(palette: Palette): string {
  return [...MAP_PARTS, 'bg' as const, ...INKS]
    .map((name) => `.${name}{fill:${palette[name]}}`)
    .join('')
}

/** Laid over the grid: makes squares of runs that were drawn as one rectangle. */
function drawGaps(): string {
  const { pitchX, pitchY, gapX, gapY } = GRID
  const across = `M0 ${pitchY - gapY}h${pitchX}v${gapY}h-${pitchX}z`
  const down = `M${pitchX - gapX} 0h${gapX}v${pitchY}h-${gapX}z`
  return `<defs><pattern id="gaps" width="${pitchX}" height="${pitchY}" patternUnits="userSpaceOnUse"><path class="bg" d="${across}${down}"/></pattern></defs>`
}

function element(shape: Shape): string {
  switch (shape.kind) {
    case 'rect': {
      const { color, x, y, width, height, radius, note } = shape
      const round = radius === undefined ? '' : ` rx="${radius}"`
      const rect = `<rect class="${color}" x="${number(x)}" y="${y}" width="${number(width)}" height="${height}"${round}`
      return note === undefined ? `${rect}/>` : `${rect}><title>${escapeXml(note)}</title></rect>`
    }
    case 'text': {
      const { style, color, x, y, text, end } = shape
      const anchor = end ? ' text-anchor="end"' : ''
      return `<text class="${style} ${color}" x="${number(x)}" y="${y}"${anchor}>${escapeXml(text)}</text>`
    }
    case 'cells': {
      const { map, rows, x, y } = shape
      return [
        `<g transform="translate(${x} ${y})" shape-rendering="crispEdges">`,
        ...gridPaths(map, GRID),
        `<rect fill="url(#gaps)" width="${GRID.columns * GRID.pitchX}" height="${rows * GRID.pitchY}"/></g>`,
      ].join('\n')
    }
  }
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}
