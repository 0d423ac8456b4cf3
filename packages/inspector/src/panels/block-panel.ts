/** The bytes of the chosen block, and what its marks say. */
import { type HeapMap, isUsedPart } from '@vmalloc/core/map'
import { byId, make } from '../dom/elements.ts'
import { countText, hexText } from '../dom/text.ts'
import { explainMarks, type MarkWords, marksOf } from '../marks/marks.ts'
import type { BytesOf } from '../sources/source.ts'
import { describeBlock } from './block-words.ts'

const ROW_BYTES = 16
/** Of a long block the first and the last rows are shown. */
const EDGE_ROWS = 6

/** Some rows of a block, and what lies in them. */
interface Rows {
  readonly address: number
  readonly bytes: Uint8Array
}

export class BlockPanel {
  readonly #words = byId('block-words', HTMLParagraphElement)
  readonly #bytes = byId('block-bytes', HTMLPreElement)
  readonly #marks = byId('block-marks', HTMLUListElement)
  /** Which call is the last one: bytes come later, and only the newest count. */
  #turn = 0

  /** @param damaged - Addresses of bytes that somebody overwrote. */
  async show(
    columns: HeapMap,
    i: number,
    bytesOf: BytesOf,
    damaged: ReadonlySet<number>,
  ): Promise<void> {
    const turn = ++this.#turn
    if (i < 0) {
      this.#words.textContent = 'Choose a block: click it, or press n on the map.'
      this.#bytes.replaceChildren()
      this.#marks.replaceChildren()
      return
    }
    const rows = await Promise.all(
      stretchesOf(columns, i).map(async ([from, to]): Promise<Rows> => {
        const address = from * ROW_BYTES
        return { address, bytes: await bytesOf(address, (to - from + 1) * ROW_BYTES) }
      }),
    )
    if (turn !== this.#turn) return
    this.#words.textContent = describeBlock(columns, i)
    this.#showBytes(columns, i, rows, damaged)
    this.#explain(columns, i, rows)
  }

  #showBytes(
    columns: HeapMap,
    i: number,
    stretches: readonly Rows[],
    damaged: ReadonlySet<number>,
  ): void {
    const start = columns.start[i]
    const end = start + columns.length[i]
    const lines: Node[] = []
    let reached = 0
    for (const { address, bytes } of stretches) {
      if (reached > 0 && address > reached) {
        const skipped = `            … ${countText(address - reached)} bytes more …\n`
        lines.push(make('span', { class: 'address' }, skipped))
      }
      for (let row = address; row < address + bytes.length; row += ROW_BYTES) {
        lines.push(make('span', { class: 'address' }, `${hexText(row)}  `))
        for (let at = row; at < row + ROW_BYTES; at++) {
          const byte = bytes[at - address] ?? 0
          const text = at < start || at >= end ? '··' : byte.toString(16).padStart(2, '0')
          lines.push(make('span', { class: classAt(columns, i, at, damaged) }, `${text} `))
        }
        lines.push(document.createTextNode('\n'))
      }
      reached = address + bytes.length
    }
    this.#bytes.replaceChildren(...lines)
  }

  #explain(columns: HeapMap, i: number, stretches: readonly Rows[]): void {
    const marks = isUsedPart(columns.part[i]) ? marksOf(columns) : undefined
    this.#marks.replaceChildren(
      ...(marks === undefined ? [] : linesOf(marks, columns, i, stretches)),
    )
  }
}

function linesOf(
  marks: MarkWords,
  columns: HeapMap,
  i: number,
  stretches: readonly Rows[],
): HTMLLIElement[] {
  const start = columns.start[i]
  const word = (address: number): number => {
    for (const rows of stretches) {
      const offset = address - rows.address
      if (offset < 0 || offset + 4 > rows.bytes.length) continue
      const { buffer, byteOffset } = rows.bytes
      return new DataView(buffer, byteOffset).getUint32(offset, true)
    }
    return 0
  }
  const block = { start, end: start + columns.length[i], payload: columns.payload[i], word }
  return explainMarks(marks, block).map(({ address, name, text }) =>
    make('li', {}, make('b', {}, `${hexText(address)} ${name}`), ` ${text}`),
  )
}

/** First and last row of what is shown of a block. */
function stretchesOf(columns: HeapMap, i: number): readonly (readonly [number, number])[] {
  const start = columns.start[i]
  const first = Math.floor(start / ROW_BYTES)
  const last = Math.floor((start + columns.length[i] - 1) / ROW_BYTES)
  if (last - first < 2 * EDGE_ROWS) return [[first, last]]
  return [
    [first, first + EDGE_ROWS - 1],
    [last - EDGE_ROWS + 1, last],
  ]
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
