/** What is wrong with a payload that `ClassicMark` did not let pass. Out of the fast path. */
import type { Address, Memory } from '@vmalloc/memory'
import { countDamage, firstDamage, lastDamage } from './damage.ts'
import { FREED_FLIP } from './flips.ts'
import { HeapCorruptionError } from './heap-corruption-error.ts'
import type { Kind } from './marking.ts'
import { misplaced } from './misplaced.ts'
import { Mmix } from './mmix.ts'

const HEADER_BYTES = 16
const FOOTER_BYTES = 16
const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
const KIND_MASK = 3
const INVALID_KIND = 3
const ALIGNMENT_MASK = 15
const FLAGS_MASK = 7
const INNER_FLAG = 1
const LEAD_FLAG = 2
const STEP_BYTES = 8

export class ClassicDiagnosis {
  private readonly memory: Memory
  private readonly mmix: Mmix = new Mmix()

  constructor(memory: Memory) {
    this.memory = memory
  }

  /** The error that says what is wrong with a payload that did not pass. */
  errorOf(payload: Address): HeapCorruptionError {
    const { u32, byteLength } = this.memory
    const wrong = misplaced(payload, HEADER_BYTES + 1, byteLength)
    if (wrong !== undefined) return wrong
    const block = payload - HEADER_BYTES
    const header = block >>> 2
    const size = u32[header]
    const kind = (u32[header + 2] & KIND_MASK) as Kind
    const flip = this.flipAt(block, header + 2)
    if (flip === FREED_FLIP) {
      return new HeapCorruptionError('DOUBLE_FREE', payload, {
        size: this.fits(block, size) ? bytesOf(size) - MIN_BLOCK_BYTES : undefined,
        kind: kind === (INVALID_KIND as number) ? undefined : kind,
      })
    }
    return flip === 0 && kind !== (INVALID_KIND as number)
      ? this.atSoundMagic(payload)
      : this.atLostMagic(payload)
  }

  /** See `RecoveringMarking`. */
  lostHeader(payload: Address, size: number, kind: Kind): HeapCorruptionError {
    const block = payload - HEADER_BYTES
    const whole = size | (this.leadBefore(payload) > 0 ? INNER_FLAG : 0)
    if (this.answers(block, whole)) return this.underflow(payload, whole)
    return new HeapCorruptionError('UNDERFLOW', payload, { kind, offset: -1 })
  }

  /** Bytes of the lead before a payload, 0 when there is none in use. */
  leadBefore(payload: Address): number {
    const { u32 } = this.memory
    const lead = u32[(payload - HEADER_BYTES - 8) >>> 2]
    return this.leadFlip(payload, lead) === 0 ? lead : 0
  }

  /** A block begins here for sure: its header says so, in 62 bits. The magic does not cover the size. */
  private atSoundMagic(payload: Address): HeapCorruptionError {
    const { memory } = this
    const { u32 } = memory
    const block = payload - HEADER_BYTES
    const header = block >>> 2
    const size = u32[header]
    const kind = (u32[header + 2] & KIND_MASK) as Kind
    const flags = this.leadBefore(payload) > 0 ? INNER_FLAG : 0
    const stated = bytesOf(size) | flags
    const sameKind = u32[(block + bytesOf(size) - FOOTER_BYTES) >>> 2] === u32[header + 2]
    if (this.answers(block, stated) && sameKind && (stated !== size || u32[header + 1] !== 0))
      return this.underflow(payload, stated)
    const footer = block + bytesOf(size) - FOOTER_BYTES
    const words = [u32[header + 2], u32[header + 3], size, 0]
    const fits = this.fits(block, size) && u32[header + 1] === 0
    const damaged = fits ? countDamage(memory, footer, words) : FOOTER_BYTES
    if (damaged === 0 && (size & LEAD_FLAG) === 0) {
      return new HeapCorruptionError('UNDERFLOW', payload, {
        size: bytesOf(size) - MIN_BLOCK_BYTES,
        kind,
        offset: -HEADER_BYTES - 1,
        hint: 'the lead before an over-aligned payload is damaged',
      })
    }
    const lead = (size - LEAD_FLAG) >>> 0
    if (fits && (size & LEAD_FLAG) !== 0 && u32[(block + lead - 8) >>> 2] === lead) {
      const hint = 'it is the unused lead of an over-aligned block'
      return new HeapCorruptionError('INVALID_POINTER', payload, { hint })
    }
    // Where half of the footer is left, the size that led there is sound.
    const whole = damaged < FOOTER_BYTES / 2 ? 0 : this.findSize(block, size, flags)
    if (whole > 0) return this.underflow(payload, whole)
    const damage = fits && whole === 0 ? firstDamage(memory, footer, words) : undefined
    if (damage === undefined) {
      const hint = 'the size word was overwritten'
      return new HeapCorruptionError('UNDERFLOW', payload, { kind, offset: -9, hint })
    }
    const { index: offset, expected, found } = damage
    const details = { size: bytesOf(size) - MIN_BLOCK_BYTES, kind, offset, expected, found }
    return new HeapCorruptionError('OVERFLOW', payload, details)
  }

  /** The header is none: if a footer or a lead still answers to it, it was overwritten, otherwise there never was one. */
  private atLostMagic(payload: Address): HeapCorruptionError {
    const { u32 } = this.memory
    const block = payload - HEADER_BYTES
    const size = u32[block >>> 2]
    if (this.answers(block, size)) return this.underflow(payload, size)
    const lead = u32[(block - 8) >>> 2]
    const flip = this.leadFlip(payload, lead)
    if (flip === 0) {
      const kind = (u32[(block - lead + 8) >>> 2] & KIND_MASK) as Kind
      return this.lostHeader(payload, 0, kind)
    }
    if (flip === FREED_FLIP) return new HeapCorruptionError('DOUBLE_FREE', payload)
    const found = u32[(block >>> 2) + 2]
    this.mmix.hash(0, block)
    const expected = ((this.mmix.low & ~KIND_MASK) | (found & KIND_MASK)) >>> 0
    return new HeapCorruptionError('INVALID_POINTER', payload, { expected, found })
  }

  /**
   * Size word of a block whose magic is sound, as a footer somewhere behind it tells; 0 when none answers. Of several, for
   * a shorter block may have lain there before, the one that the size word found is most like; -1 when two are equally so.
   */
  private findSize(block: Address, found: number, flags: number): number {
    const { u32, byteLength } = this.memory
    let best = 0
    let fewest = 5
    for (let bytes = MIN_BLOCK_BYTES; block + bytes <= byteLength; bytes += STEP_BYTES) {
      const size = bytes | flags
      if (u32[(block + bytes - 8) >>> 2] !== size || !this.answers(block, size)) continue
      const different = [0, 8, 16, 24].filter((shift) => ((found ^ size) >>> shift) % 256 !== 0)
      if (different.length > fewest) continue
      best = different.length === fewest ? -1 : size
      fewest = different.length
    }
    return best
  }

  /** Whether there is a sound footer for a block of that size. */
  private answers(block: Address, size: number): boolean {
    if (!this.fits(block, size)) return false
    const { u32 } = this.memory
    const footer = (block + bytesOf(size) - FOOTER_BYTES) >>> 2
    return u32[footer + 2] === size && u32[footer + 3] === 0 && this.flipAt(block, footer) === 0
  }

  /** The error for an overwritten header of a block to which a footer answers. */
  private underflow(payload: Address, size: number): HeapCorruptionError {
    const { memory } = this
    const block = payload - HEADER_BYTES
    const footer = (block + bytesOf(size) - FOOTER_BYTES) >>> 2
    const words = [size, 0, memory.u32[footer], memory.u32[footer + 1]]
    const damage = lastDamage(memory, block, words)
    return new HeapCorruptionError('UNDERFLOW', payload, {
      size: bytesOf(size) - MIN_BLOCK_BYTES,
      kind: (memory.u32[footer] & KIND_MASK) as Kind,
      offset: damage === undefined ? undefined : damage.index - HEADER_BYTES,
      expected: damage?.expected,
      found: damage?.found,
    })
  }

  /** What is turned over in the outer header of a payload behind a lead of so many bytes; -1 when there is none. */
  private leadFlip(payload: Address, lead: number): number {
    const { u32 } = this.memory
    const block = payload - HEADER_BYTES - lead
    if (lead === 0 || (lead & ALIGNMENT_MASK) !== 0 || block <= 0) return -1
    if (u32[block >>> 2] !== (lead | LEAD_FLAG) >>> 0) return -1
    return this.flipAt(block, (block >>> 2) + 2)
  }

  /** What is turned over in the lower word of a magic that lies at word `at`; -1 when its upper word is none. */
  private flipAt(block: Address, at: number): number {
    const { u32 } = this.memory
    this.mmix.hash(0, block)
    if (u32[at + 1] !== this.mmix.high) return -1
    return ((u32[at] ^ this.mmix.low) & ~KIND_MASK) >>> 0
  }

  private fits(block: Address, size: number): boolean {
    return bytesOf(size) >= MIN_BLOCK_BYTES && block + bytesOf(size) <= this.memory.byteLength
  }
}

/** Bytes of a size word, without its flags. */
function bytesOf(size: number): number {
  return (size & ~FLAGS_MASK) >>> 0
}
