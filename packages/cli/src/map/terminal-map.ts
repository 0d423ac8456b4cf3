/** The address space in the terminal: a colour says what fills most of a cell, the shade how full it is. */
import { stripVTControlCharacters } from 'node:util'
import { type HeapMap, MAP_PART_LABELS, MAP_PARTS, type MapPart } from '@vmalloc/core/map'
import type { Colors } from '../terminal/colors.ts'
import { bytesText } from '../terminal/text.ts'
import { type CellMap, cellMap, usedFraction } from './cells.ts'

export interface TerminalMapOptions {
  readonly colors: Colors
  readonly columns: number
  readonly maxRows: number
}

/** Address and two blanks to the left of the map. */
const ADDRESS_COLUMNS = 10
const SHADES = ['░', '▒', '▓', '█']
const FREE_PARTS: readonly MapPart[] = ['cached', 'free', 'pages']
const USED_PARTS: readonly MapPart[] = MAP_PARTS.filter((part) => !FREE_PARTS.includes(part))
/** Without colour the letter says it; free pages are blank in both. */
const LETTERS: Readonly<Record<MapPart, string>> = {
  small: 's',
  medium: 'm',
  large: 'l',
  slack: '~',
  mark: '+',
  meta: '#',
  cached: '-',
  free: '·',
  pages: ' ',
  foreign: 'x',
}

/** @returns Lines, the last one a legend. */
export function terminalMap(heap: HeapMap, options: TerminalMapOptions): string[] {
  const { columns, maxRows, colors } = options
  const map = cellMap(heap, columns * maxRows)
  const lines: string[] = []
  for (let first = 0; first < map.cells; first += columns) {
    const address = (first * map.cellBytes).toString(16).padStart(8, '0')
    let row = ''
    for (let cell = first; cell < Math.min(first + columns, map.cells); cell++) {
      row += cellText(map, cell, colors)
    }
    lines.push(`${colors.dim(address)}  ${row}`.trimEnd())
  }
  while (lines.length > 1 && isBlank(lines[lines.length - 1])) lines.pop()
  lines.push('', ...legend(map, options))
  return lines
}

/** Nothing but the address: free pages up to the end of the memory. */
function isBlank(line: string): boolean {
  return !line.includes(' ')
}

function cellText(map: CellMap, cell: number, colors: Colors): string {
  const base = cell * MAP_PARTS.length
  const bytes = (part: MapPart): number => map.bytes[base + MAP_PARTS.indexOf(part)]
  const largest = (parts: readonly MapPart[]): MapPart =>
    parts.reduce((best, part) => (bytes(part) > bytes(best) ? part : best))
  const fill = usedFraction(map, cell)
  // Free bytes never hide used ones, however few these are.
  const part = fill > 0 ? largest(USED_PARTS) : largest(FREE_PARTS)
  if (part === 'pages' || !colors.isColorSupported) return LETTERS[part]
  return paint(part, colors, fill > 0 ? SHADES[Math.ceil(fill * SHADES.length) - 1] : LETTERS[part])
}

function paint(part: MapPart, colors: Colors, text: string): string {
  switch (part) {
    case 'small':
      return colors.cyan(text)
    case 'medium':
      return colors.blue(text)
    case 'large':
      return colors.magenta(text)
    case 'slack':
      return colors.yellow(text)
    case 'mark':
      return colors.red(text)
    case 'meta':
    case 'foreign':
      return colors.white(text)
    case 'cached':
    case 'free':
    case 'pages':
      return colors.dim(text)
  }
}

/** As many entries a line as fit the map's width. */
function legend(map: CellMap, { colors, columns }: TerminalMapOptions): string[] {
  const entries = MAP_PARTS.filter((part, p) => map.totals[p] > 0 && part !== 'pages').map(
    (part) => {
      const key = colors.isColorSupported
        ? paint(part, colors, part === 'free' || part === 'cached' ? LETTERS[part] : '█')
        : LETTERS[part]
      return `${key} ${MAP_PART_LABELS[part]} ${bytesText(map.totals[MAP_PARTS.indexOf(part)])}`
    },
  )
  entries.push(colors.dim(`one cell ${bytesText(map.cellBytes)}`))
  const lines: string[] = []
  for (const entry of entries) {
    const joined = `${lines.at(-1) ?? ''}   ${entry}`
    const fits = stripVTControlCharacters(joined).length <= columns + ADDRESS_COLUMNS
    if (lines.length > 0 && fits) lines[lines.length - 1] = joined
    else lines.push(entry)
  }
  return lines
}
