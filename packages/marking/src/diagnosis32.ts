/**
 * What is wrong with a payload whose `Mark32` did not pass: the marks are read again, slowly, until it is clear which of
 * their words was overwritten, and which byte of it first.
 */
import type { Address, Memory } from '@vmalloc/memory'
import { HeapCorruptionError } from './heap-corruption-error.ts'
import type { Kind } from './marking.ts'
import { sizesOf } from './unmix.ts'

const HEADER_BYTES = 8
const FOOTER_BYTES = 8
const WORD_BYTES = 4
const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
const KIND_MASK = 3
const INVALID_KIND = 3
const FREED_FLIP = 0xfffffffc
const CACHED_FLIP = 0x55555554
const FLAGS_MASK = 15
const LEAD_FLAG = 2
const ALIGNMENT_MASK = 15

export class Diagnosis32 {
  private readonly memory: Memory
  private readonly secret: number
  private readonly magicOf: (block: Address, size: number) => number

  constructor(memory: Memory, secret: number, magicOf: (block: Address, size: number) => number) {
    this.memory = memory
    this.secret = secret
    this.magicOf = magicOf
  }

  /** The error that says what is wrong with a payload that did not pass. */
  errorOf(payload: Address): HeapCorruptionError {
    const { u32, byteLength } = this.memory
    const block = payload - HEADER_BYTES
    if ((payload & ALIGNMENT_MASK) !== 0 || block <= 0 || payload > byteLength) {
      return new HeapCorruptionError('INVALID_POINTER', payload, {
        hint: (payload & ALIGNMENT_MASK) === 0 ? 'outside the memory' : 'not a multiple of 16',
      })
    }
    const size = u32[block >>> 2]
    const found = u32[(block + 4) >>> 2]
    const kind = (found & KIND_MASK) as Kind
    const bits = (found & ~KIND_MASK) >>> 0
    const expected = this.magicOf(block, size)
    const fits = this.fits(block, size)
    const usable = fits ? bytesOf(size) - MIN_BLOCK_BYTES : undefined
    if (bits === (expected ^ FREED_FLIP) >>> 0 || bits === (expected ^ CACHED_FLIP) >>> 0) {
      const known = kind === (INVALID_KIND as number) ? undefined : kind
      return new HeapCorruptionError('DOUBLE_FREE', payload, { size: usable, kind: known })
    }
    if (bits === expected && kind === (INVALID_KIND as number))
      return this.atHeader(payload, size, found)
    if (bits === expected && fits && (size & LEAD_FLAG) === 0)
      return this.atFooter(payload, size, found)
    if (bits === expected) {
      const hint = 'it is the unused lead of an over-aligned block'
      return new HeapCorruptionError('INVALID_POINTER', payload, { hint })
    }
    return this.atHeader(payload, size, found)
  }

  private atFooter(payload: Address, size: number, magic: number): HeapCorruptionError {
    const { u8, u32 } = this.memory
    const footer = payload - HEADER_BYTES + bytesOf(size) - FOOTER_BYTES
    const details = { size: footer - payload, kind: (magic & KIND_MASK) as Kind }
    const words = [magic, size]
    for (let i = 0; i < FOOTER_BYTES; i++) {
      const expected = words[i >>> 2] >>> 0
      if (u8[footer + i] !== ((expected >>> ((i & 3) * 8)) & 255)) {
        const found = u32[(footer + (i & 4)) >>> 2]
        return new HeapCorruptionError('OVERFLOW', payload, {
          ...details,
          offset: i,
          expected,
          found,
        })
      }
    }
    const hint = 'the lead before an over-aligned payload is damaged'
    return new HeapCorruptionError('UNDERFLOW', payload, {
      ...details,
      offset: -HEADER_BYTES - 1,
      hint,
    })
  }

  /** The header is none: if a footer still answers to half of it, it was overwritten, otherwise there never was one. */
  private atHeader(payload: Address, size: number, found: number): HeapCorruptionError {
    const block = payload - HEADER_BYTES
    const magic = this.footerMagic(block, size)
    if (magic >= 0 && (magic & ~KIND_MASK) >>> 0 === this.magicOf(block, size))
      return this.underflow(payload, size, magic, magic, found, -1)
    for (const whole of sizesOf(found, block, this.secret)) {
      if (this.footerMagic(block, whole) === found)
        return this.underflow(payload, whole, found, whole, size, -1 - WORD_BYTES)
    }
    return new HeapCorruptionError('INVALID_POINTER', payload, {
      expected: this.magicOf(block, size),
      found,
    })
  }

  /** The magic in the footer of a block of `size` bytes, -1 when there is no such footer. */
  private footerMagic(block: Address, size: number): number {
    if (!this.fits(block, size)) return -1
    const footer = (block + bytesOf(size) - FOOTER_BYTES) >>> 2
    const { u32 } = this.memory
    return u32[footer + 1] === size ? u32[footer] : -1
  }

  /** The error for a header one of whose words was overwritten; the last byte of that word lies at `last`. */
  private underflow(
    payload: Address,
    size: number,
    magic: number,
    expected: number,
    found: number,
    last: number,
  ): HeapCorruptionError {
    let back = 0
    while (back < 3 && ((expected ^ found) >>> ((3 - back) * 8)) % 256 === 0) back++
    return new HeapCorruptionError('UNDERFLOW', payload, {
      size: bytesOf(size) - MIN_BLOCK_BYTES,
      kind: (magic & KIND_MASK) as Kind,
      offset: last - back,
      expected,
      found,
    })
  }

  private fits(block: Address, size: number): boolean {
    const bytes = bytesOf(size)
    return bytes >= MIN_BLOCK_BYTES && block + bytes <= this.memory.byteLength
  }
}

/** Bytes of a size word, without its flags. */
function bytesOf(size: number): number {
  return (size & ~FLAGS_MASK) >>> 0
}
