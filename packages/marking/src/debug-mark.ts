/**
 * `DebugMark`: marks that know who asked for what, 48 bytes and all slack.
 *
 *     block + 0       size       bytes of the block, a multiple of 16, plus flags as in Mark32
 *           + 4       requested  bytes asked for
 *           + 8       sequence   number of the allocation
 *           +12       thread     that allocated
 *           +16       sequence   number of the free, 0 while in use
 *           +20       thread     that freed
 *           +24       lead       of an over-aligned block: bytes from its start to this header
 *           +28       magic      29 mixed bits of the address, of all words above and of the secret | 4 | kind
 *           +32       payload, 16-aligned, `requested` bytes
 *           ...       slack, patterned from the first byte behind the payload
 *           + size-16 magic, size, requested, sequence, as in the header
 *
 * Features
 * - An overflow is found from the first byte on, not only when it reaches the footer, and its offset is exact.
 * - The first byte behind the payload is never 0: the NUL of a string that is one byte too long is always found.
 * - Every word of the header is under the magic; what the footer repeats tells which byte before the payload changed.
 * - A block in a quarantine is in the state "cached": nobody hands it out, and a repair leaves it where it is.
 */
import type { Address, Memory } from '@vmalloc/memory'
import { DebugDiagnosis } from './debug-diagnosis.ts'
import {
  ALIGNMENT_MASK,
  bytesOf,
  FOOTER_BYTES,
  FREED_SEQUENCE,
  FREED_THREAD,
  HEADER_BYTES,
  HELD_FLIP,
  INNER_FLAG,
  INVALID_KIND,
  KIND_MASK,
  LEAD,
  LEAD_FLAG,
  MAGIC,
  MIN_BLOCK_BYTES,
  NONZERO_BIT,
  OUT_OF_USE,
  REQUESTED,
  SEQUENCE,
  THREAD,
} from './debug-mark-layout.ts'
import { FREED_FLIP } from './flips.ts'
import type { GuardedBlocks } from './guarded-blocks.ts'
import type { HeapCorruptionError } from './heap-corruption-error.ts'
import type { Kind, MarkState, RecoveringMarking } from './marking.ts'
import { fillSlack, findSlackDamage, wordByte } from './patterns.ts'

/** Marks of the preset `debug`: they know what was asked for, who asked, and guard the slack. Cost: linear in the slack. */
export class DebugMark implements RecoveringMarking, GuardedBlocks {
  readonly headerBytes: number = HEADER_BYTES
  readonly footerBytes: number = FOOTER_BYTES
  readonly phase: number = 0
  private readonly memory: Memory
  private readonly secret: number
  /** Written into the header of the next block. */
  private sequence = 0
  private thread = 0

  constructor(memory: Memory) {
    this.memory = memory
    this.secret = memory.secret | 0
  }

  /** Says who makes the allocation that is marked next. */
  stamp(sequence: number, thread: number): void {
    this.sequence = sequence
    this.thread = thread
  }

  mark(block: Address, size: number, kind: Kind, requested: number): Address {
    this.writeBlock(block, size, kind, requested, 0)
    return block + HEADER_BYTES
  }

  markAligned(
    block: Address,
    size: number,
    kind: Kind,
    payload: Address,
    requested: number,
  ): Address {
    const inner = payload - HEADER_BYTES
    const lead = inner - block
    if (lead === 0) return this.mark(block, size, kind, requested)
    this.writeBlock(inner, (size - lead) | INNER_FLAG, kind, requested, lead)
    const header = block >>> 2
    const { u32 } = this.memory
    u32.fill(0, header, header + MAGIC)
    u32[header] = lead | LEAD_FLAG
    u32[header + MAGIC] = this.magic(block) | kind
    return payload
  }

  verify(payload: Address): Address {
    const { u32, byteLength } = this.memory
    const inner = payload - HEADER_BYTES
    if ((payload & ALIGNMENT_MASK) !== 0 || inner < 0 || payload > byteLength) this.fail(payload)
    const header = inner >>> 2
    const magic = u32[header + MAGIC]
    const kind = magic & KIND_MASK
    if ((magic ^ kind) >>> 0 !== this.magic(inner) || kind === INVALID_KIND) this.fail(payload)
    const size = u32[header]
    if ((size & LEAD_FLAG) !== 0 || !this.fits(inner)) this.fail(payload)
    if (this.findDamageBehind(inner) >= 0) this.fail(payload)
    if ((size & INNER_FLAG) === 0) return inner
    const block = inner - u32[header + LEAD]
    if (this.stateAt(block) !== 'used') this.fail(payload)
    return block
  }

  sizeAt(block: Address): number {
    const inner = this.innerOf(block)
    return inner - block + bytesOf(this.memory.u32[inner >>> 2])
  }

  kindAt(block: Address): Kind {
    return (this.memory.u32[(block >>> 2) + MAGIC] & KIND_MASK) as Kind
  }

  payloadAt(block: Address): Address {
    return this.innerOf(block) + HEADER_BYTES
  }

  stateAt(block: Address): MarkState {
    const { u32, byteLength } = this.memory
    const inside = block >= 0 && block + MIN_BLOCK_BYTES <= byteLength
    if (!inside || (block & ALIGNMENT_MASK) !== 0) return 'none'
    const header = block >>> 2
    const size = u32[header]
    const magic = u32[header + MAGIC]
    const kind = magic & KIND_MASK
    if (kind === INVALID_KIND || (size & INNER_FLAG) !== 0) return 'none'
    const flip = (magic ^ kind ^ this.magic(block)) >>> 0
    if (flip === FREED_FLIP) return 'freed'
    // A size that the outer header does not know is taken from a sound inner one, or from none.
    const inner = (size & LEAD_FLAG) === 0 ? block : block + size - LEAD_FLAG
    if (!this.fits(inner) || (inner !== block && !this.isHeader(inner))) return 'none'
    return stateOf(flip)
  }

  /** What an outer header says that belongs to a lead of so many bytes, whatever became of the inner one. @internal */
  stateAtLead(block: Address, lead: number): MarkState {
    const { u32 } = this.memory
    if (block < 0 || (lead & ALIGNMENT_MASK) !== 0) return 'none'
    const header = block >>> 2
    if (u32[header] !== (lead | LEAD_FLAG) >>> 0) return 'none'
    return stateOf(((u32[header + MAGIC] & ~KIND_MASK) ^ this.magic(block)) >>> 0)
  }

  lostHeader(payload: Address, size: number, kind: Kind): HeapCorruptionError {
    return new DebugDiagnosis(this.memory, this).lostHeader(payload, size, kind)
  }

  erase(block: Address): void {
    this.flip(block, FREED_FLIP)
  }

  requestedAt(block: Address): number {
    return this.wordAt(block, REQUESTED)
  }

  sequenceAt(block: Address): number {
    return this.wordAt(block, SEQUENCE)
  }

  threadAt(block: Address): number {
    return this.wordAt(block, THREAD)
  }

  freedSequenceAt(block: Address): number {
    return this.wordAt(block, FREED_SEQUENCE)
  }

  freedThreadAt(block: Address): number {
    return this.wordAt(block, FREED_THREAD)
  }

  findOverflow(block: Address): number {
    return this.findDamageBehind(this.innerOf(block))
  }

  hold(block: Address, sequence: number, thread: number): void {
    const { u32 } = this.memory
    const inner = this.innerOf(block)
    const header = inner >>> 2
    const kind = u32[header + MAGIC] & KIND_MASK
    // The outer header first: it says whose the bytes are, should the thread die between the two.
    if (inner !== block) u32[(block >>> 2) + MAGIC] ^= HELD_FLIP
    u32[header + FREED_SEQUENCE] = sequence
    u32[header + FREED_THREAD] = thread
    u32[header + MAGIC] = (this.magic(inner) ^ HELD_FLIP) | kind
  }

  mend(block: Address): void {
    const { u32 } = this.memory
    const inner = this.innerOf(block)
    const header = inner >>> 2
    const footer = inner + bytesOf(u32[header]) - FOOTER_BYTES
    for (let i = 0; i < 4; i++) u32[(footer >>> 2) + i] = this.footerWord(header, i)
    fillSlack(this.memory, inner + HEADER_BYTES + u32[header + REQUESTED], footer)
  }

  /**
   * The header of a payload whose marks may be damaged; the facts about a block can be asked of it as well.
   *
   * @returns 0 unless the facts can be trusted.
   */
  headerOf(payload: Address): Address {
    const { u32, byteLength } = this.memory
    const inner = payload - HEADER_BYTES
    if ((payload & ALIGNMENT_MASK) !== 0 || inner < 0 || payload > byteLength) return 0
    const header = inner >>> 2
    const bits = (u32[header + MAGIC] & ~KIND_MASK) >>> 0
    const flips = (bits ^ this.magic(inner)) >>> 0
    if (flips === 0 || OUT_OF_USE.includes(flips)) return inner
    const footer = inner + bytesOf(u32[header]) - FOOTER_BYTES
    if (footer < payload || footer + FOOTER_BYTES > byteLength) return 0
    const words = footer >>> 2
    const repeated = u32[words + 1] === u32[header] && u32[words + 3] === u32[header + SEQUENCE]
    return repeated ? inner : 0
  }

  release(block: Address): void {
    this.flip(block, HELD_FLIP ^ FREED_FLIP)
  }

  private writeBlock(
    inner: Address,
    size: number,
    kind: Kind,
    requested: number,
    lead: number,
  ): void {
    const { memory } = this
    const { u32 } = memory
    const header = inner >>> 2
    u32[header] = size
    u32[header + REQUESTED] = requested
    u32[header + SEQUENCE] = this.sequence
    u32[header + THREAD] = this.thread
    u32[header + FREED_SEQUENCE] = 0
    u32[header + FREED_THREAD] = 0
    u32[header + LEAD] = lead
    const magic = (this.magic(inner) | kind) >>> 0
    const footer = (inner + bytesOf(size) - FOOTER_BYTES) >>> 2
    u32[footer] = magic
    u32[footer + 1] = size
    u32[footer + 2] = requested
    u32[footer + 3] = this.sequence
    fillSlack(memory, inner + HEADER_BYTES + requested, footer * 4)
    u32[header + MAGIC] = magic
  }

  /** Header of the payload: behind the lead, if there is one. */
  private innerOf(block: Address): Address {
    const size = this.memory.u32[block >>> 2]
    return (size & LEAD_FLAG) === 0 ? block : block + size - LEAD_FLAG
  }

  /** Whether there is a sound header, in whatever state. */
  private isHeader(inner: Address): boolean {
    const bits = (this.memory.u32[(inner >>> 2) + MAGIC] & ~KIND_MASK) >>> 0
    const flip = (bits ^ this.magic(inner)) >>> 0
    return flip === 0 || OUT_OF_USE.includes(flip)
  }

  private wordAt(block: Address, word: number): number {
    return this.memory.u32[(this.innerOf(block) >>> 2) + word]
  }

  private flip(block: Address, bits: number): void {
    const { u32 } = this.memory
    const inner = this.innerOf(block)
    u32[(block >>> 2) + MAGIC] ^= bits
    if (inner !== block) u32[(inner >>> 2) + MAGIC] ^= bits
  }

  /**
   * 29 bits, then 1, then 00: one round of multiply and shift for each word of the header, two for the address. The 1
   * keeps the first byte of the footer from being 0.
   */
  magic(inner: Address): number {
    const { u32 } = this.memory
    const header = inner >>> 2
    let x = Math.imul(inner ^ this.secret, 0x9e3779b1)
    for (let i = 0; i < MAGIC; i++) {
      x = Math.imul(x ^ u32[header + i], 0x85ebca6b)
      x ^= x >>> 15
    }
    x = Math.imul(x, 0xc2b2ae35)
    return (((x ^ (x >>> 13)) & ~KIND_MASK) | NONZERO_BIT) >>> 0
  }

  /** @internal */
  fits(inner: Address): boolean {
    const { u32, byteLength } = this.memory
    if (inner < 0 || inner + MIN_BLOCK_BYTES > byteLength) return false
    const bytes = bytesOf(u32[inner >>> 2])
    const requested = u32[(inner >>> 2) + REQUESTED]
    return (
      bytes >= MIN_BLOCK_BYTES &&
      inner + bytes <= byteLength &&
      requested <= bytes - MIN_BLOCK_BYTES
    )
  }

  /** Address of the first damaged byte of slack or footer, -1 when there is none. */
  findDamageBehind(inner: Address): number {
    const { u32, u8 } = this.memory
    const header = inner >>> 2
    const size = u32[header]
    const payload = inner + HEADER_BYTES
    const footer = inner + bytesOf(size) - FOOTER_BYTES
    const slack = findSlackDamage(this.memory, payload + u32[header + REQUESTED], footer)
    if (slack >= 0) return slack
    const words = footer >>> 2
    // The magic in the footer is that of the allocation: freeing changes only the one in the header.
    if (
      u32[words + 1] === size &&
      u32[words + 2] === u32[header + REQUESTED] &&
      u32[words + 3] === u32[header + SEQUENCE] &&
      (u32[header + FREED_SEQUENCE] !== 0 || u32[words] === u32[header + MAGIC])
    ) {
      return -1
    }
    for (let i = 0; i < FOOTER_BYTES; i++) {
      if (u8[footer + i] !== wordByte(this.footerWord(header, i >>> 2), i)) return footer + i
    }
    return footer
  }

  /** @internal */
  footerWord(header: number, index: number): number {
    return this.memory.u32[header + [MAGIC, 0, REQUESTED, SEQUENCE][index]]
  }

  private fail(payload: Address): never {
    throw new DebugDiagnosis(this.memory, this).errorOf(payload)
  }
}

function stateOf(flip: number): MarkState {
  switch (flip) {
    case 0:
      return 'used'
    case FREED_FLIP:
      return 'freed'
    case HELD_FLIP:
      return 'cached'
    default:
      return 'none'
  }
}
