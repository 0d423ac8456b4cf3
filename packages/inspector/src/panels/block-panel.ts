/** The bytes of the chosen block, and what its marks say. */

import { type HeapMap, isUsedPart } from '@vmalloc/core/map'
import { byId, make } from '../dom/elements.ts'
import { countText, hexText } from '../dom/text.ts'
import { describeBlock } from './block-words.ts'

const ROW_BYTES = 16
/** Of a long block the first and the last rows are shown. */
const EDGE_ROWS = 6
/** Mark32: two words in front, two behind. Other markings have longer ones, and are shown without a commentary. */
const MARK_BYTES = 8

export type BytesOf = (address: number, length: number) => Uint8Array

export class BlockPanel {
  readonly #words = byId('block-words', HTMLParagraphElement)
  readonly #bytes = byId('block-bytes', HTMLPreElement)
  readonly #marks = byId('block-marks', HTMLUListElement)

  /** @param damaged - Addresses of bytes that somebody overwrote. */
  show(columns: HeapMap, i: number, bytesOf: BytesOf, damaged: ReadonlySet<number>): void {
    if (i < 0) {
      this.#words.textContent = 'Choose a block: click it, or press n on the map.'
      this.#bytes.replaceChildren()
      this.#marks.replaceChildren()
      return
    }
    this.#words.textContent = describeBlock(columns, i)
    this.#showBytes(columns, i, bytesOf, damaged)
    this.#explain(columns, i, bytesOf)
  }

  #showBytes(columns: HeapMap, i: number, bytesOf: BytesOf, damaged: ReadonlySet<number>): void {
    const start = columns.start[i]
    const end = start + columns.length[i]
    const firstRow = Math.floor(start / ROW_BYTES)
    const lastRow = Math.floor((end - 1) / ROW_BYTES)
    const lines: Node[] = []
    const addRows = (from: number, to: number): void => {
      const base = from * ROW_BYTES
      const bytes = bytesOf(base, (to - from + 1) * ROW_BYTES)
      for (let row = from; row <= to; row++) {
        lines.push(make('span', { class: 'address' }, `${hexText(row * ROW_BYTES)}  `))
        for (let at = row * ROW_BYTES; at < (row + 1) * ROW_BYTES; at++) {
          const text =
            at < start || at >= end ? '··' : (bytes[at - base] ?? 0).toString(16).padStart(2, '0')
          lines.push(make('span', { class: classAt(columns, i, at, damaged) }, `${text} `))
        }
        lines.push(document.createTextNode('\n'))
      }
    }
    if (lastRow - firstRow < 2 * EDGE_ROWS) addRows(firstRow, lastRow)
    else {
      addRows(firstRow, firstRow + EDGE_ROWS - 1)
      const skipped = (lastRow - firstRow + 1 - 2 * EDGE_ROWS) * ROW_BYTES
      lines.push(
        make('span', { class: 'address' }, `            … ${countText(skipped)} bytes more …\n`),
      )
      addRows(lastRow - EDGE_ROWS + 1, lastRow)
    }
    this.#bytes.replaceChildren(...lines)
  }

  #explain(columns: HeapMap, i: number, bytesOf: BytesOf): void {
    const start = columns.start[i]
    const end = start + columns.length[i]
    const marks = columns.length[i] - columns.usable[i]
    const plain = columns.payload[i] - start === MARK_BYTES && marks === 2 * MARK_BYTES
    if (!isUsedPart(columns.part[i]) || !plain) {
      this.#marks.replaceChildren()
      return
    }
    const word = (address: number): number => {
      const bytes = bytesOf(address, 4)
      return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
    }
    const kinds = ['small', 'medium', 'large', 'no kind']
    const magic = word(start + 4)
    const footMagic = word(end - 8)
    const footSize = word(end - 4)
    const mirrored = footMagic === magic && footSize === word(start)
    const line = (address: number, name: string, text: string): HTMLLIElement =>
      make('li', {}, make('b', {}, `${hexText(address)} ${name}`), ` ${text}`)
    if (word(start) !== columns.length[i]) {
      const now = `${hexText(word(start))}: the block has changed hands since the map was drawn`
      this.#marks.replaceChildren(line(start, 'size', now))
      return
    }
    this.#marks.replaceChildren(
      line(start, 'size', `${countText(word(start))}: bytes of the whole block`),
      line(
        start + 4,
        'magic',
        `${hexText(magic)}: 30 bits mixed of address, size and the heap’s secret; the last two say ${kinds[magic & 3]}`,
      ),
      line(
        end - 8,
        'magic, size',
        mirrored
          ? 'the same two words mirrored: nobody wrote past the end'
          : `${hexText(footMagic)} ${hexText(footSize)}: not what the header says. Somebody wrote past the end.`,
      ),
    )
  }
}

function classAt(columns: HeapMap, i: number, at: number, damaged: ReadonlySet<number>): string {
  const start = columns.start[i]
  if (damaged.has(at)) return 'wrong'
  if (at < start || at >= start + columns.length[i]) return 'address'
  if (!isUsedPart(columns.part[i])) return ''
  const payload = columns.payload[i]
  if (at < payload || at >= payload + columns.usable[i]) return 'mark'
  return at < payload + columns.requested[i] ? 'payload' : 'slack'
}
