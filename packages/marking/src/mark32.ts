/**
 * `Mark32`: marks of four 4-byte words, 16 bytes in all; the default.
 *
 *     block + 0      size     bytes of the block, a multiple of 16, plus flags
 *           + 4      magic    30 mixed bits of (block, size, secret) | kind
 *           + 8      payload, 16-aligned
 *           ...
 *           + size-8 magic    as in the header
 *           + size-4 size
 *
 *     flags: 0 plain, 1 the payload of an over-aligned block, 2 the lead before one:
 *
 *     block + 0      lead | 2, magic       the lead: its length up to the inner header
 *           ...
 *           +lead-4  lead                  how far back the block begins
 *           +lead    size-lead | 1, magic  the inner header, and a footer that mirrors it
 *
 * A magic depends on its own address, so a copied header is no header; on the size, so a changed size is found before
 * it is used; and on a secret of the heap, so a block of another heap is not ours. A block that is not in use has some
 * bits of it turned over (flips.ts). Every change of any byte of header or footer is found with certainty; a word that
 * never was a magic passes for one with probability 2^-30.
 */
import type { Address, Memory } from '@vmalloc/memory'
import { Diagnosis32, type Words32 } from './diagnosis32.ts'
import * as flips from './flips.ts'
import type { HeapCorruptionError } from './heap-corruption-error.ts'
import type { CacheableMarking, Kind, MarkState, RecoveringMarking } from './marking.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const { CACHED_FLIP, FREED_FLIP } = flips
const HEADER_BYTES = 8
const FOOTER_BYTES = 8
const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
const KIND_MASK = 3
const INVALID_KIND = 3
const FLAGS_MASK = 15
const INNER_FLAG = 1
const LEAD_FLAG = 2
const ALIGNMENT_MASK = 15

/** Marks of 16 bytes in all, of the presets `default` and `sampled`. Each call costs a few words, and none allocates. */
export class Mark32 implements CacheableMarking, RecoveringMarking {
  readonly headerBytes: number = HEADER_BYTES
  readonly footerBytes: number = FOOTER_BYTES
  readonly phase: number = 8
  declare protected readonly memory: Memory
  declare private readonly secret: number

  constructor(memory: Memory) {
    this.memory = memory
    this.secret = memory.secret | 0
  }

  mark(block: Address, size: number, kind: Kind, _requested?: number): Address {
    const u32 = this.memory.u32
    const magic = this.magic(block, size) | kind
    const header = block >>> 2
    const footer = (block + size - FOOTER_BYTES) >>> 2
    u32[footer] = magic
    u32[footer + 1] = size
    u32[header] = size
    u32[header + 1] = magic
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
    u32[(inner - 4) >>> 2] = lead
    this.mark(inner, (size - lead) | INNER_FLAG, kind)
    // The footer belongs at the end of the block; the flag has shifted it by one byte, so by no word.
    const header = block >>> 2
    u32[header] = lead | LEAD_FLAG
    u32[header + 1] = this.magic(block, lead | LEAD_FLAG) | kind
    return payload
  }

  verify(payload: Address): Address {
    const { u32, byteLength } = this.memory
    const block = payload - HEADER_BYTES
    if ((payload & ALIGNMENT_MASK) !== 0 || block <= 0 || payload > byteLength) this.fail(payload)
    const header = block >>> 2
    const size = u32[header]
    const magic = u32[header + 1]
    const kind = magic & KIND_MASK
    if ((magic ^ kind) >>> 0 !== this.magic(block, size) || kind === INVALID_KIND)
      this.fail(payload)
    const bytes = bytesOf(size)
    const end = block + bytes
    if (bytes === 0 || end > byteLength) this.fail(payload)
    if (!this.hasFooter((end - FOOTER_BYTES) >>> 2, magic, size)) this.fail(payload)
    return (size & FLAGS_MASK) === 0 ? block : this.blockOfInner(payload, size)
  }

  /** Words of 32 bits all the way, no sum that could exceed them: below 2^31 nothing becomes a floating-point number. */
  plainAt(payload: Address, u32: Uint32Array, byteLength: number): number {
    if ((payload & ALIGNMENT_MASK) !== 0 || payload > byteLength) return 0
    const header = (payload >>> 2) - HEADER_BYTES / 4
    const size = u32[header]
    const magic = u32[header + 1]
    // A kind of more than 2 bits says that the magic is another one.
    const kind = (magic ^ this.magic((payload - HEADER_BYTES) | 0, size)) >>> 0
    const end = header + (size >>> 2)
    if (kind >= INVALID_KIND || (size & FLAGS_MASK) !== 0 || end > byteLength >>> 2) return 0
    const footer = end - FOOTER_BYTES / 4
    return u32[footer] === magic && u32[footer + 1] === size ? size | kind : 0
  }

  sizeAt(block: Address): number {
    const size = this.memory.u32[block >>> 2]
    if ((size & LEAD_FLAG) === 0) return size
    const lead = size - LEAD_FLAG
    return lead + this.innerBytes(block, lead)
  }

  kindAt(block: Address): Kind {
    return (this.memory.u32[(block + 4) >>> 2] & KIND_MASK) as Kind
  }

  payloadAt(block: Address): Address {
    const size = this.memory.u32[block >>> 2]
    return (size & LEAD_FLAG) === 0 ? block + HEADER_BYTES : block + size - LEAD_FLAG + HEADER_BYTES
  }

  stateAt(block: Address): MarkState {
    const { u32, byteLength } = this.memory
    if (
      block <= 0 ||
      block + MIN_BLOCK_BYTES > byteLength ||
      (block & ALIGNMENT_MASK) !== this.phase
    ) {
      return 'none'
    }
    const size = u32[block >>> 2]
    const magic = u32[(block + 4) >>> 2]
    const kind = magic & KIND_MASK
    if (kind === INVALID_KIND || (size & FLAGS_MASK) === INNER_FLAG) return 'none'
    const flip = (magic ^ kind ^ this.magic(block, size)) >>> 0
    if (flip === FREED_FLIP) return 'freed'
    if (!this.fits(block, size)) return 'none'
    // A size that the outer header does not know is taken from a sound inner one, or from none.
    if ((size & LEAD_FLAG) !== 0 && this.innerBytes(block, size - LEAD_FLAG) === 0) return 'none'
    if (flip === CACHED_FLIP) return 'cached'
    return flip === 0 ? 'used' : 'none'
  }

  erase(block: Address): void {
    const u32 = this.memory.u32
    const size = u32[block >>> 2]
    // The outer header first: it says whose the bytes are, should a thread die between the two.
    u32[(block + 4) >>> 2] ^= FREED_FLIP
    if ((size & LEAD_FLAG) !== 0) u32[(block + size - LEAD_FLAG + 4) >>> 2] ^= FREED_FLIP
  }

  markCached(block: Address, size: number, kind: Kind): void {
    const u32 = this.memory.u32
    const header = block >>> 2
    u32[header] = size
    u32[header + 1] = (this.magic(block, size) ^ CACHED_FLIP) | kind
  }

  /** Hot path: the magic is turned over, not computed; the footer is written anew, whatever was done to it. */
  fromCached(u32: Uint32Array, block: Address, size: number): Address {
    const header = block >>> 2
    const footer = (block + size - FOOTER_BYTES) >>> 2
    const magic = u32[header + 1] ^ CACHED_FLIP
    u32[footer] = magic
    u32[footer + 1] = size
    u32[header + 1] = magic
    return block + HEADER_BYTES
  }

  toCached(u32: Uint32Array, block: Address): void {
    u32[(block + 4) >>> 2] ^= CACHED_FLIP
  }

  toFreed(block: Address): void {
    this.memory.u32[(block + 4) >>> 2] ^= CACHED_FLIP ^ FREED_FLIP
  }

  lostHeader(payload: Address, size: number, kind: Kind): HeapCorruptionError {
    return this.diagnosis().lostHeader(payload, size, kind)
  }

  /** 30 bits, the low two 0. Two rounds of multiply and shift: each input bit reaches all output bits but the lowest. */
  protected magic(block: Address, size: number): number {
    let x = Math.imul(block ^ this.secret, 0x9e3779b1) ^ size
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b)
    return ((x ^ (x >>> 13)) & ~KIND_MASK) >>> 0
  }

  /** Whether the footer at this word is the one of a block whose header has these words. */
  protected hasFooter(footer: number, magic: number, size: number): boolean {
    const { u32 } = this.memory
    return u32[footer] === magic && u32[footer + 1] === size
  }

  /** For the diagnosis: how the words of these marks are made, and read back. */
  protected words(): Words32 {
    const { u32 } = this.memory
    return {
      magicOf: (block, size) => this.magic(block, size),
      magicIn: (footer, _block, size) => (u32[footer + 1] === size ? u32[footer] : -1),
      footerOf: (_footer, magic, size) => [magic, size],
    }
  }

  private fits(block: Address, size: number): boolean {
    const bytes = bytesOf(size)
    return bytes >= MIN_BLOCK_BYTES && block + bytes <= this.memory.byteLength
  }

  /** Start of the block around an over-aligned payload whose inner marks are sound. */
  private blockOfInner(payload: Address, size: number): Address {
    const { u32 } = this.memory
    const inner = payload - HEADER_BYTES
    const lead = u32[(inner - 4) >>> 2]
    const block = inner - lead
    const sound =
      (size & FLAGS_MASK) === INNER_FLAG &&
      (lead & ALIGNMENT_MASK) === 0 &&
      block > 0 &&
      u32[block >>> 2] === (lead | LEAD_FLAG) >>> 0 &&
      (u32[(block + 4) >>> 2] & ~KIND_MASK) >>> 0 === this.magic(block, (lead | LEAD_FLAG) >>> 0)
    if (!sound) this.fail(payload)
    return block
  }

  /** Bytes behind a lead, as a sound inner header in whatever state says; 0 when there is none. */
  private innerBytes(block: Address, lead: number): number {
    const { u32 } = this.memory
    const inner = block + lead
    const size = u32[inner >>> 2]
    const flip = ((u32[(inner + 4) >>> 2] & ~KIND_MASK) ^ this.magic(inner, size)) >>> 0
    const sound =
      (size & FLAGS_MASK) === INNER_FLAG &&
      (flip === 0 || flip === FREED_FLIP) &&
      this.fits(inner, size)
    return sound ? bytesOf(size) : 0
  }

  /** Finds out what is wrong with a payload that did not pass, and throws it. Out of the fast path. */
  private fail(payload: Address): never {
    throw this.diagnosis().errorOf(payload)
  }

  private diagnosis(): Diagnosis32 {
    return new Diagnosis32(this.memory, this.secret, this.words())
  }
}

/** Bytes of a size word, without its flags. */
function bytesOf(size: number): number {
  return (size & ~FLAGS_MASK) >>> 0
}
