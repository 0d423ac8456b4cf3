/**
 * `ClassicMark`: the marks of the C original, four 8-byte words, 32 bytes in all.
 *
 *     block + 0       size     u64, bytes of the block, plus the flags of an over-aligned one
 *           + 8       magic    u64, (mmix(block) & ~3) | kind
 *           +16       payload, 16-aligned
 *           ...
 *           + size-16 magic
 *           + size-8  size
 *
 *     flags, as in Mark32: 1 the payload of an over-aligned block, 2 the lead before one, whose length lies in the u64
 *     before the inner header
 *
 * The magic depends on the address alone: it finds accidents, not forgeries, and `secret` plays no part. What is ours
 * and not the original's: the header is flipped at free, so that a double free is named.
 */
import type { Address, Memory } from '@vmalloc/memory'
import { ClassicDiagnosis } from './classic-diagnosis.ts'
import * as flips from './flips.ts'
import type { HeapCorruptionError } from './heap-corruption-error.ts'
import type { Kind, MarkState, RecoveringMarking } from './marking.ts'
import { Mmix } from './mmix.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const { FREED_FLIP } = flips
const HEADER_BYTES = 16
const FOOTER_BYTES = 16
const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
const KIND_MASK = 3
const INVALID_KIND = 3
const ALIGNMENT_MASK = 15
const FLAGS_MASK = 7
const INNER_FLAG = 1
const LEAD_FLAG = 2

/** Marks of 32 bytes in all, as the C original writes them. Each call costs a few words, and none allocates. */
export class ClassicMark implements RecoveringMarking {
  readonly headerBytes: number = HEADER_BYTES
  readonly footerBytes: number = FOOTER_BYTES
  readonly phase: number = 0
  declare private readonly memory: Memory
  private readonly mmix: Mmix = new Mmix()

  constructor(memory: Memory) {
    this.memory = memory
  }

  mark(block: Address, size: number, kind: Kind, _requested?: number): Address {
    const u32 = this.memory.u32
    const mmix = this.mmix
    mmix.hash(0, block)
    const low = (mmix.low & ~KIND_MASK) | kind
    const header = block >>> 2
    const footer = (block + size - FOOTER_BYTES) >>> 2
    u32[footer] = low
    u32[footer + 1] = mmix.high
    u32[footer + 2] = size
    u32[footer + 3] = 0
    u32[header] = size
    u32[header + 1] = 0
    u32[header + 2] = low
    u32[header + 3] = mmix.high
    return block + HEADER_BYTES
  }

  markAligned(
    block: Address,
    size: number,
    kind: Kind,
    payload: Address,
    _requested?: number,
  ): Address {
    const inner = payload - HEADER_BYTES
    const lead = inner - block
    if (lead === 0) return this.mark(block, size, kind)
    const u32 = this.memory.u32
    u32[(inner - 8) >>> 2] = lead
    u32[(inner - 4) >>> 2] = 0
    this.mark(inner, (size - lead) | INNER_FLAG, kind)
    this.mmix.hash(0, block)
    const header = block >>> 2
    u32[header] = lead | LEAD_FLAG
    u32[header + 1] = 0
    u32[header + 2] = (this.mmix.low & ~KIND_MASK) | kind
    u32[header + 3] = this.mmix.high
    return payload
  }

  verify(payload: Address): Address {
    const { u32, byteLength } = this.memory
    const block = payload - HEADER_BYTES
    if ((payload & ALIGNMENT_MASK) !== 0 || block <= 0 || payload > byteLength) this.fail(payload)
    const header = block >>> 2
    const low = u32[header + 2]
    if ((low & KIND_MASK) === INVALID_KIND || !this.isMagic(block, low, u32[header + 3]))
      this.fail(payload)
    const size = u32[header]
    const end = block + bytesOf(size)
    if (bytesOf(size) < MIN_BLOCK_BYTES || u32[header + 1] !== 0 || end > byteLength)
      this.fail(payload)
    if (!this.isFooter(block, size)) this.fail(payload)
    return (size & FLAGS_MASK) === 0 ? block : this.blockOfInner(payload, size)
  }

  sizeAt(block: Address): number {
    const u32 = this.memory.u32
    const size = u32[block >>> 2]
    if ((size & LEAD_FLAG) === 0) return size
    const lead = size - LEAD_FLAG
    return lead + this.innerBytes(block, lead)
  }

  kindAt(block: Address): Kind {
    return (this.memory.u32[(block + 8) >>> 2] & KIND_MASK) as Kind
  }

  payloadAt(block: Address): Address {
    const size = this.memory.u32[block >>> 2]
    return (size & LEAD_FLAG) === 0 ? block + HEADER_BYTES : block + size - LEAD_FLAG + HEADER_BYTES
  }

  stateAt(block: Address): MarkState {
    const { u32, byteLength } = this.memory
    if (block <= 0 || block + MIN_BLOCK_BYTES > byteLength || (block & ALIGNMENT_MASK) !== 0)
      return 'none'
    const header = block >>> 2
    const low = u32[header + 2]
    const high = u32[header + 3]
    if ((low & KIND_MASK) === INVALID_KIND || u32[header + 1] !== 0) return 'none'
    const size = u32[header]
    if ((size & FLAGS_MASK) === INNER_FLAG || block + bytesOf(size) > byteLength) return 'none'
    if (this.isMagic(block, (low ^ FREED_FLIP) >>> 0, high)) return 'freed'
    // A size that the outer header does not know is taken from a sound inner one, or from none.
    if ((size & LEAD_FLAG) !== 0 && this.innerBytes(block, size - LEAD_FLAG) === 0) return 'none'
    return this.isMagic(block, low, high) ? 'used' : 'none'
  }

  erase(block: Address): void {
    const u32 = this.memory.u32
    const size = u32[block >>> 2]
    // The outer header first: it says whose the bytes are, should a thread die between the two.
    u32[(block + 8) >>> 2] ^= FREED_FLIP
    if ((size & LEAD_FLAG) !== 0) u32[(block + size - LEAD_FLAG + 8) >>> 2] ^= FREED_FLIP
  }

  lostHeader(payload: Address, size: number, kind: Kind): HeapCorruptionError {
    return new ClassicDiagnosis(this.memory).lostHeader(payload, size, kind)
  }

  private isMagic(block: Address, low: number, high: number): boolean {
    const mmix = this.mmix
    mmix.hash(0, block)
    return high === mmix.high && ((low ^ mmix.low) & ~KIND_MASK) === 0
  }

  private isFooter(block: Address, size: number): boolean {
    const { u32 } = this.memory
    const header = block >>> 2
    const footer = (block + bytesOf(size) - FOOTER_BYTES) >>> 2
    return (
      u32[footer] === u32[header + 2] &&
      u32[footer + 1] === u32[header + 3] &&
      u32[footer + 2] === size &&
      u32[footer + 3] === 0
    )
  }

  /** Bytes behind a lead, as a sound inner header in whatever state says; 0 when there is none. */
  private innerBytes(block: Address, lead: number): number {
    const { u32, byteLength } = this.memory
    const inner = block + lead
    const header = inner >>> 2
    const size = u32[header]
    const low = u32[header + 2]
    const high = u32[header + 3]
    const sound =
      (size & FLAGS_MASK) === INNER_FLAG &&
      u32[header + 1] === 0 &&
      inner + bytesOf(size) <= byteLength &&
      [0, FREED_FLIP].some((flip) => this.isMagic(inner, (low ^ flip) >>> 0, high))
    return sound ? bytesOf(size) : 0
  }

  private blockOfInner(payload: Address, size: number): Address {
    const { u32 } = this.memory
    const inner = payload - HEADER_BYTES
    const lead = u32[(inner - 8) >>> 2]
    const block = inner - lead
    const header = block >>> 2
    const sound =
      (size & FLAGS_MASK) === INNER_FLAG &&
      (lead & ALIGNMENT_MASK) === 0 &&
      block > 0 &&
      u32[header] === (lead | LEAD_FLAG) >>> 0 &&
      this.isMagic(block, u32[header + 2], u32[header + 3])
    if (!sound) this.fail(payload)
    return block
  }

  /** Finds out what is wrong with a payload that did not pass, and throws it. */
  private fail(payload: Address): never {
    throw new ClassicDiagnosis(this.memory).errorOf(payload)
  }
}

/** Bytes of a size word, without its flags. */
function bytesOf(size: number): number {
  return (size & ~FLAGS_MASK) >>> 0
}
