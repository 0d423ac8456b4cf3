/**
 * What is wrong with a payload whose `Mark32` did not pass: the marks are read again, slowly, until it is clear which of
 * their words was overwritten, and which byte of it first.
 */
import type { Address, Memory } from '@vmalloc/memory'
import { firstDamage, lastDamage } from './damage.ts'
import { CACHED_FLIP, FREED_FLIP } from './flips.ts'
import { HeapCorruptionError } from './heap-corruption-error.ts'
import type { Kind } from './marking.ts'
import { misplaced } from './misplaced.ts'
import { sizesOf } from './unmix.ts'

const HEADER_BYTES = 8
const FOOTER_BYTES = 8
const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
const KIND_MASK = 3
const INVALID_KIND = 3
const FLAGS_MASK = 15
const INNER_FLAG = 1
const LEAD_FLAG = 2
const ALIGNMENT_MASK = 15
/** Not in use, in one way or another. */
const OUT_OF_USE: readonly number[] = [FREED_FLIP, CACHED_FLIP]

/** How the words of a marking are made. Marks of 16 bytes differ in what their footers say. */
export interface Words32 {
  /** The 30 bits of a header. */
  magicOf(block: Address, size: number): number
  /** The header's magic, as the footer at this word tells it; what is no such footer gives -1, or another magic. */
  magicIn(footer: number, block: Address, size: number): number
  /** What the footer at this word should have been, beside a header with these words. */
  footerOf(footer: number, magic: number, size: number): readonly [number, number]
}

export class Diagnosis32 {
  private readonly memory: Memory
  private readonly secret: number
  private readonly words: Words32

  constructor(memory: Memory, secret: number, words: Words32) {
    this.memory = memory
    this.secret = secret
    this.words = words
  }

  /** The error that says what is wrong with a payload that did not pass. */
  errorOf(payload: Address): HeapCorruptionError {
    const { u32, byteLength } = this.memory
    const wrong = misplaced(payload, HEADER_BYTES + 1, byteLength)
    if (wrong !== undefined) return wrong
    const block = payload - HEADER_BYTES
    const size = u32[block >>> 2]
    const found = u32[(block + 4) >>> 2]
    const kind = (found & KIND_MASK) as Kind
    const flip = ((found & ~KIND_MASK) ^ this.words.magicOf(block, size)) >>> 0
    const fits = this.fits(block, size)
    if (OUT_OF_USE.includes(flip)) {
      return new HeapCorruptionError('DOUBLE_FREE', payload, {
        size: fits ? bytesOf(size) - MIN_BLOCK_BYTES : undefined,
        kind: kind === (INVALID_KIND as number) ? undefined : kind,
      })
    }
    if (flip !== 0 || kind === (INVALID_KIND as number)) return this.atHeader(payload)
    if (fits && (size & LEAD_FLAG) === 0) return this.atFooter(payload, size, found)
    const hint = 'it is the unused lead of an over-aligned block'
    return new HeapCorruptionError('INVALID_POINTER', payload, { hint })
  }

  /** See `RecoveringMarking`. */
  lostHeader(payload: Address, size: number, kind: Kind): HeapCorruptionError {
    const block = payload - HEADER_BYTES
    const flags = this.leadBefore(payload) > 0 ? INNER_FLAG : 0
    const magic = this.footerMagic(block, size | flags)
    if (magic >= 0 && (magic & ~KIND_MASK) >>> 0 === this.words.magicOf(block, size | flags))
      return this.underflow(payload, size | flags, magic)
    return new HeapCorruptionError('UNDERFLOW', payload, { kind, offset: -1 })
  }

  /** Bytes of the lead before a payload, 0 when there is none in use. */
  leadBefore(payload: Address): number {
    const { u32 } = this.memory
    const lead = u32[(payload - HEADER_BYTES - 4) >>> 2]
    return this.leadFlip(payload, lead) === 0 ? lead : 0
  }

  private atFooter(payload: Address, size: number, magic: number): HeapCorruptionError {
    const footer = payload - HEADER_BYTES + bytesOf(size) - FOOTER_BYTES
    const details = { size: footer - payload, kind: (magic & KIND_MASK) as Kind }
    const damage = firstDamage(this.memory, footer, this.words.footerOf(footer >>> 2, magic, size))
    if (damage === undefined) {
      const hint = 'the lead before an over-aligned payload is damaged'
      const offset = -HEADER_BYTES - 1
      return new HeapCorruptionError('UNDERFLOW', payload, { ...details, offset, hint })
    }
    const { index: offset, expected, found } = damage
    return new HeapCorruptionError('OVERFLOW', payload, { ...details, offset, expected, found })
  }

  /** The header is none: if a footer or a lead still answers to it, it was overwritten, otherwise there never was one. */
  private atHeader(payload: Address): HeapCorruptionError {
    const { u32 } = this.memory
    const block = payload - HEADER_BYTES
    const size = u32[block >>> 2]
    const found = u32[(block + 4) >>> 2]
    const whole = this.sizeByFooter(block)
    if (whole > 0) return this.underflow(payload, whole, this.footerMagic(block, whole))
    const lead = u32[(block - 4) >>> 2]
    const flip = this.leadFlip(payload, lead)
    if (flip === 0) {
      const kind = (u32[(block - lead + 4) >>> 2] & KIND_MASK) as Kind
      return this.lostHeader(payload, 0, kind)
    }
    if (OUT_OF_USE.includes(flip)) return new HeapCorruptionError('DOUBLE_FREE', payload)
    const expected = this.words.magicOf(block, size)
    return new HeapCorruptionError('INVALID_POINTER', payload, { expected, found })
  }

  /** Size word of a block one word of whose header is gone, as its footer confirms; 0 when none does. */
  private sizeByFooter(block: Address): number {
    const { u32 } = this.memory
    const stated = u32[block >>> 2]
    for (const size of [stated, ...sizesOf(u32[(block + 4) >>> 2], block, this.secret)]) {
      const magic = this.footerMagic(block, size)
      if (magic >= 0 && (magic & ~KIND_MASK) >>> 0 === this.words.magicOf(block, size)) return size
    }
    return 0
  }

  /** What is turned over in the outer header of a payload behind a lead of so many bytes; -1 when there is none. */
  private leadFlip(payload: Address, lead: number): number {
    const { u32 } = this.memory
    const block = payload - HEADER_BYTES - lead
    if (lead === 0 || (lead & ALIGNMENT_MASK) !== 0 || block <= 0) return -1
    const flagged = (lead | LEAD_FLAG) >>> 0
    if (u32[block >>> 2] !== flagged) return -1
    return ((u32[(block + 4) >>> 2] & ~KIND_MASK) ^ this.words.magicOf(block, flagged)) >>> 0
  }

  /** The magic in the footer of a block of `size` bytes, -1 when there is no such footer. */
  private footerMagic(block: Address, size: number): number {
    if (!this.fits(block, size)) return -1
    return this.words.magicIn((block + bytesOf(size) - FOOTER_BYTES) >>> 2, block, size)
  }

  /** The error for an overwritten header of a block whose size and magic are known. */
  private underflow(payload: Address, size: number, magic: number): HeapCorruptionError {
    const damage = lastDamage(this.memory, payload - HEADER_BYTES, [size, magic])
    return new HeapCorruptionError('UNDERFLOW', payload, {
      size: bytesOf(size) - MIN_BLOCK_BYTES,
      kind: (magic & KIND_MASK) as Kind,
      offset: damage === undefined ? undefined : damage.index - HEADER_BYTES,
      expected: damage?.expected,
      found: damage?.found,
    })
  }

  private fits(block: Address, size: number): boolean {
    const bytes = bytesOf(size)
    return (
      (size & FLAGS_MASK) <= LEAD_FLAG &&
      bytes >= MIN_BLOCK_BYTES &&
      block + bytes <= this.memory.byteLength
    )
  }
}

/** Bytes of a size word, without its flags. */
function bytesOf(size: number): number {
  return (size & ~FLAGS_MASK) >>> 0
}
