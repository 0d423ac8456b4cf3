/** What is wrong with a payload that `DebugMark` did not let pass. Out of the fast path. */
import type { Address, Memory } from '@vmalloc/memory'
import type { DebugMark } from './debug-mark.ts'
import {
  bytesOf,
  FOOTER_BYTES,
  FREED_SEQUENCE,
  FREED_THREAD,
  HEADER_BYTES,
  INNER_FLAG,
  KIND_MASK,
  LEAD,
  LEAD_FLAG,
  MAGIC,
  OUT_OF_USE,
  REQUESTED,
  SEQUENCE,
  THREAD,
} from './debug-mark-layout.ts'
import { HeapCorruptionError } from './heap-corruption-error.ts'
import type { Kind } from './marking.ts'
import { misplaced } from './misplaced.ts'
import { slackByte, wordByte } from './patterns.ts'

/** Words of a header, by their offset. */
type Repeated = readonly (readonly [word: number, value: number])[]

export class DebugDiagnosis {
  private readonly memory: Memory
  private readonly mark: DebugMark

  constructor(memory: Memory, mark: DebugMark) {
    this.memory = memory
    this.mark = mark
  }

  /** The error that says what is wrong with a payload that did not pass. */
  errorOf(payload: Address): HeapCorruptionError {
    const { u32, byteLength } = this.memory
    const wrong = misplaced(payload, HEADER_BYTES, byteLength)
    if (wrong !== undefined) return wrong
    const inner = payload - HEADER_BYTES
    const header = inner >>> 2
    const found = u32[header + MAGIC]
    const kind = (found & KIND_MASK) as Kind
    const bits = (found & ~KIND_MASK) >>> 0
    const expected = this.mark.magic(inner)
    const fits = this.mark.fits(inner)
    const size = fits ? u32[header + REQUESTED] : undefined
    if (OUT_OF_USE.includes((bits ^ expected) >>> 0))
      return new HeapCorruptionError('DOUBLE_FREE', payload, { size, kind })
    if (bits === expected && fits && (u32[header] & LEAD_FLAG) === 0)
      return this.behind(payload, kind)
    if (bits === expected) {
      const hint = 'it is the unused lead of an over-aligned block'
      return new HeapCorruptionError('INVALID_POINTER', payload, { hint })
    }
    return this.atHeader(payload, expected, found)
  }

  /** The header is sound. */
  private behind(payload: Address, kind: Kind): HeapCorruptionError {
    const { u8, u32 } = this.memory
    const inner = payload - HEADER_BYTES
    const header = inner >>> 2
    const size = u32[header + REQUESTED]
    const byte = this.mark.findDamageBehind(inner)
    if (byte < 0) {
      const hint = 'the lead before an over-aligned payload is damaged'
      const offset = -HEADER_BYTES - 1
      return new HeapCorruptionError('UNDERFLOW', payload, { size, kind, offset, hint })
    }
    const footer = inner + bytesOf(u32[header]) - FOOTER_BYTES
    const expected =
      byte < footer
        ? slackByte(byte)
        : wordByte(this.mark.footerWord(header, (byte - footer) >>> 2), byte)
    const offset = byte - payload - size
    const details = { size, kind, offset, expected, found: u8[byte], width: 1 } as const
    return new HeapCorruptionError('OVERFLOW', payload, details)
  }

  /** The header is none: if a footer still answers to it, it was overwritten, otherwise there never was one. */
  private atHeader(payload: Address, expected: number, found: number): HeapCorruptionError {
    const { u32 } = this.memory
    const inner = payload - HEADER_BYTES
    const header = inner >>> 2
    const repeated = this.footerOf(payload, u32[header])
    // Of three words that the footer repeats one may be gone, and the size was right to lead here.
    const same = repeated?.filter(([word, value]) => u32[header + word] === value).length ?? 0
    if (repeated !== undefined && same >= 3) return this.underflow(payload, repeated)
    const lead = u32[header + LEAD]
    const state = lead === 0 ? 'none' : this.mark.stateAtLead(inner - lead, lead)
    if (state === 'used') {
      const kind = (u32[((inner - lead) >>> 2) + MAGIC] & KIND_MASK) as Kind
      return this.lostHeader(payload, 0, kind)
    }
    if (state !== 'none') return new HeapCorruptionError('DOUBLE_FREE', payload)
    return new HeapCorruptionError('INVALID_POINTER', payload, { expected, found })
  }

  /** See {@link DebugMark.lostHeader}. */
  lostHeader(payload: Address, size: number, kind: Kind): HeapCorruptionError {
    const repeated =
      this.footerOf(payload, size) ?? this.footerOf(payload, (size | INNER_FLAG) >>> 0)
    if (repeated !== undefined) return this.underflow(payload, repeated)
    return new HeapCorruptionError('UNDERFLOW', payload, { kind, offset: -1 })
  }

  /** What the footer of a block with that size word repeats of its header; `undefined` when there is none. */
  footerOf(payload: Address, size: number): Repeated | undefined {
    const { u32, byteLength } = this.memory
    const footer = payload - HEADER_BYTES + bytesOf(size) - FOOTER_BYTES
    if (footer < payload || footer + FOOTER_BYTES > byteLength) return undefined
    const words = footer >>> 2
    const requested = u32[words + 2]
    if (u32[words + 1] !== size || requested > footer - payload) return undefined
    return [
      [MAGIC, u32[words]],
      [0, size],
      [REQUESTED, requested],
      [SEQUENCE, u32[words + 3]],
    ]
  }

  private underflow(payload: Address, repeated: Repeated): HeapCorruptionError {
    const { u32 } = this.memory
    const inner = payload - HEADER_BYTES
    const known = new Map(repeated)
    known.set(FREED_SEQUENCE, 0).set(FREED_THREAD, 0)
    if (((known.get(0) ?? 0) & INNER_FLAG) === 0) known.set(LEAD, 0)
    const offset = this.offsetBefore(inner, known)
    const word = (offset + HEADER_BYTES) >>> 2
    return new HeapCorruptionError('UNDERFLOW', payload, {
      size: known.get(REQUESTED),
      kind: ((known.get(MAGIC) ?? 0) & KIND_MASK) as Kind,
      offset,
      expected: known.get(word),
      found: known.has(word) ? u32[(inner >>> 2) + word] : undefined,
    })
  }

  /** Offset of the damaged byte nearest to the payload. */
  private offsetBefore(inner: Address, known: ReadonlyMap<number, number>): number {
    const { u8 } = this.memory
    for (let i = HEADER_BYTES - 1; i >= 0; i--) {
      const word = known.get(i >>> 2)
      if (word !== undefined && u8[inner + i] !== wordByte(word, i)) return i - HEADER_BYTES
    }
    // All others are as they should be: it is the thread, which nothing repeats.
    return (THREAD + 1) * 4 - 1 - HEADER_BYTES
  }
}
