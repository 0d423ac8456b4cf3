/**
 * A picture as PNG, for places that take no SVG: light colours, one byte for each pixel, letters of pixels.
 *
 * Format: PNG, third edition (W3C), colour type 3: a table of colours, and rows of indexes into it.
 */
import { crc32, deflateSync } from 'node:zlib'
import { MAP_PARTS } from '@vmalloc/core/map'
import type { CellsShape, Drawing, Shape, TextShape, TextStyle } from './drawing.ts'
import { GLYPH_ADVANCE, GLYPH_HEIGHT, GLYPH_WIDTH, glyphOf } from './glyphs.ts'
import { GRID, stackHeights } from './grid.ts'
import { layOut, type Picture } from './layout.ts'
import { type ColorName, LIGHT } from './palette.ts'

/** Pixels of the file for each of the drawing. */
const SCALE = 2
/** Rows of cells, all panels together. */
const ROWS = 64
/** Pixels of the file for each of a letter. */
const LETTER_PIXELS: Readonly<Record<TextStyle, number>> = {
  title: 5,
  name: 3,
  sub: 2,
  key: 2,
  caption: 2,
  note: 2,
  address: 2,
  share: 2,
}
const COLORS = Object.keys(LIGHT) as ColorName[]
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const BIT_DEPTH = 8
const INDEXED = 3

/** @returns A complete PNG file. */
export function drawPng(picture: Picture): Uint8Array {
  const drawing = layOut(picture, ROWS)
  const raster = new Raster(drawing)
  for (const shape of drawing.shapes) raster.draw(shape)
  return raster.encode()
}

class Raster {
  readonly #width: number
  readonly #height: number
  /** Each row begins with its filter, which is none. */
  readonly #rows: Uint8Array

  constructor({ width, height }: Drawing) {
    this.#width = width * SCALE
    this.#height = height * SCALE
    this.#rows = new Uint8Array((this.#width + 1) * this.#height)
    this.#fill(0, 0, this.#width, this.#height, 'bg')
  }

  draw(shape: Shape): void {
    if (shape.kind === 'text') this.#write(shape)
    else if (shape.kind === 'cells') this.#drawCells(shape)
    else {
      const { x, y, width, height, color } = shape
      this.#fill(x * SCALE, y * SCALE, (x + width) * SCALE, (y + height) * SCALE, color)
    }
  }

  encode(): Uint8Array {
    const head = new DataView(new ArrayBuffer(13))
    head.setUint32(0, this.#width)
    head.setUint32(4, this.#height)
    head.setUint8(8, BIT_DEPTH)
    head.setUint8(9, INDEXED)
    const colors = COLORS.flatMap((name) => [1, 3, 5].map((at) => byteAt(LIGHT[name], at)))
    return Buffer.concat([
      Uint8Array.from(SIGNATURE),
      chunk('IHDR', new Uint8Array(head.buffer)),
      chunk('PLTE', Uint8Array.from(colors)),
      chunk('IDAT', deflateSync(this.#rows, { level: 9 })),
      chunk('IEND', new Uint8Array(0)),
    ])
  }

  /** Bounds in pixels of the file, rounded; what lies outside is not drawn. */
  #fill(left: number, top: number, right: number, bottom: number, color: ColorName): void {
    const index = COLORS.indexOf(color)
    const from = Math.max(0, Math.round(left))
    const to = Math.min(this.#width, Math.round(right))
    const last = Math.min(this.#height, Math.round(bottom))
    for (let y = Math.max(0, Math.round(top)); y < last && from < to; y++) {
      const row = y * (this.#width + 1) + 1
      this.#rows.fill(index, row + from, row + to)
    }
  }

  #write({ style, color, x, y, text, end = false }: TextShape): void {
    const dot = LETTER_PIXELS[style]
    const top = y * SCALE - GLYPH_HEIGHT * dot
    let left = x * SCALE - (end ? (text.length * GLYPH_ADVANCE - 1) * dot : 0)
    for (const character of text) {
      const columns = glyphOf(character)
      for (let i = 0; i < GLYPH_WIDTH; i++) {
        for (let j = 0; j < GLYPH_HEIGHT; j++) {
          const [atX, atY] = [left + i * dot, top + j * dot]
          if ((columns[i] >>> j) & 1) this.#fill(atX, atY, atX + dot, atY + dot, color)
        }
      }
      left += GLYPH_ADVANCE * dot
    }
  }

  #drawCells({ map, x, y }: CellsShape): void {
    const { columns, pitchX, pitchY, gapX, gapY } = GRID
    const levels = (pitchY - gapY) * SCALE
    for (let cell = 0; cell < map.cells; cell++) {
      const left = (x + (cell % columns) * pitchX) * SCALE
      let bottom = (y + (Math.floor(cell / columns) + 1) * pitchY - gapY) * SCALE
      stackHeights(map, cell, levels).forEach((height, p) => {
        const right = left + (pitchX - gapX) * SCALE
        this.#fill(left, bottom - height, right, bottom, MAP_PARTS[p])
        bottom -= height
      })
    }
  }
}

function byteAt(color: string, at: number): number {
  return Number.parseInt(color.slice(at, at + 2), 16)
}

/** Length, name, content, checksum of name and content. */
function chunk(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + content.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, content.length)
  bytes.set(Buffer.from(name, 'latin1'), 4)
  bytes.set(content, 8)
  view.setUint32(8 + content.length, crc32(bytes.subarray(4, 8 + content.length)))
  return bytes
}
