/** The marks of a block in words, for each of the three markings; told apart by where payloads begin. */
import { type HeapMap, isUsedPart } from '@vmalloc/core/map'
import { hexText } from '../dom/text.ts'
import { classicMarks } from './classic.ts'
import { debugMarks } from './debug.ts'
import { mark32 } from './mark32.ts'

/** A part of a mark. */
export interface MarkLine {
  readonly address: number
  readonly name: string
  readonly text: string
}

/** A block as its marks are asked about it. */
export interface MarkedBlock {
  readonly start: number
  readonly end: number
  readonly payload: number
  /** The word at an address of the block. */
  readonly word: (address: number) => number
}

/** One way to mark blocks. */
export interface MarkWords {
  readonly headerBytes: number
  readonly footerBytes: number
  /** Bytes of the whole block, as the header says. */
  readonly sizeOf: (block: MarkedBlock) => number
  readonly lines: (block: MarkedBlock) => readonly MarkLine[]
}

const ALL: readonly MarkWords[] = [mark32, classicMarks, debugMarks]
/** The size word of the lead of an over-aligned block has this bit, whatever the marking. */
const LEAD_FLAG = 2

/** @returns How this heap marks its blocks, as its first plain one shows; nothing for marks of one's own. */
export function marksOf({ count, part, payload, start }: HeapMap): MarkWords | undefined {
  for (let i = 0; i < count; i++) {
    if (!isUsedPart(part[i])) continue
    const found = ALL.find(({ headerBytes }) => headerBytes === payload[i] - start[i])
    if (found !== undefined) return found
  }
  return undefined
}

/** What the marks of a block say. */
export function explainMarks(marks: MarkWords, block: MarkedBlock): readonly MarkLine[] {
  const { start, end, payload, word } = block
  const lead = payload - marks.headerBytes - start
  if (lead > 0 && (word(start) & LEAD_FLAG) !== 0) {
    const text = `${lead} bytes before the payload’s own header: the price of its alignment`
    const inner = { ...block, start: start + lead }
    return [{ address: start, name: 'lead', text }, ...marks.lines(inner)]
  }
  const size = marks.sizeOf(block)
  if (size !== end - start) {
    const text = `${hexText(size)}: the block has changed hands since the map was drawn`
    return [{ address: start, name: 'size', text }]
  }
  return marks.lines(block)
}
