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
import { HeapCorruptionError } from './heap-corruption-error.ts'
import type { Kind, Marking, MarkState } from './marking.ts'
import { Mmix } from './mmix.ts'

const HEADER_BYTES = 16
const FOOTER_BYTES = 16
const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
const KIND_MASK = 3
const INVALID_KIND = 3
const FREED_FLIP = 0xfffffffc
const ALIGNMENT_MASK = 15
const FLAGS_MASK = 7
const INNER_FLAG = 1
const LEAD_FLAG = 2

export class ClassicMark implements Marking {
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
    if (this.firstBadFooterByte(block, size) >= 0) this.fail(payload)
    return (size & FLAGS_MASK) === 0 ? block : this.blockOfInner(payload, size)
  }

  sizeAt(block: Address): number {
    const u32 = this.memory.u32
    const size = u32[block >>> 2]
    if ((size & LEAD_FLAG) === 0) return size
    const lead = size - LEAD_FLAG
    return lead + bytesOf(u32[(block + lead) >>> 2])
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
    return this.isMagic(block, low, high) ? 'used' : 'none'
  }

  erase(block: Address): void {
    const u32 = this.memory.u32
    const size = u32[block >>> 2]
    // The outer header first: it says whose the bytes are, should a thread die between the two.
    u32[(block + 8) >>> 2] ^= FREED_FLIP
    if ((size & LEAD_FLAG) !== 0) u32[(block + size - LEAD_FLAG + 8) >>> 2] ^= FREED_FLIP
  }

  private isMagic(block: Address, low: number, high: number): boolean {
    const mmix = this.mmix
    mmix.hash(0, block)
    return high === mmix.high && ((low ^ mmix.low) & ~KIND_MASK) === 0
  }

  /** Index of the first footer byte that does not mirror the header, -1 when all do. */
  private firstBadFooterByte(block: Address, size: number): number {
    const { u32, u8 } = this.memory
    const header = block >>> 2
    const footer = block + bytesOf(size) - FOOTER_BYTES
    const words = footer >>> 2
    const same =
      u32[words] === u32[header + 2] &&
      u32[words + 1] === u32[header + 3] &&
      u32[words + 2] === size &&
      u32[words + 3] === 0
    if (same) return -1
    let i = 0
    while (u8[footer + i] === u8[block + (i < 8 ? i + 8 : i - 8)]) i++
    return i
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
    const { u32, byteLength } = this.memory
    const block = payload - HEADER_BYTES
    if ((payload & ALIGNMENT_MASK) !== 0 || block <= 0 || payload > byteLength) {
      throw new HeapCorruptionError('INVALID_POINTER', payload, {
        hint: (payload & ALIGNMENT_MASK) === 0 ? 'outside the memory' : 'not a multiple of 16',
      })
    }
    const header = block >>> 2
    const size = u32[header]
    const low = u32[header + 2]
    const high = u32[header + 3]
    const kind = (low & KIND_MASK) as Kind
    const fits =
      bytesOf(size) >= MIN_BLOCK_BYTES &&
      u32[header + 1] === 0 &&
      block + bytesOf(size) <= byteLength
    const usable = fits ? bytesOf(size) - MIN_BLOCK_BYTES : undefined
    if (this.isMagic(block, (low ^ FREED_FLIP) >>> 0, high)) {
      const known = kind === (INVALID_KIND as number) ? undefined : kind
      throw new HeapCorruptionError('DOUBLE_FREE', payload, { size: usable, kind: known })
    }
    const magic = this.isMagic(block, low, high) && kind !== (INVALID_KIND as number)
    const expected = ((this.mmix.low & ~KIND_MASK) | kind) >>> 0
    if (magic && fits && (size & LEAD_FLAG) === 0) {
      const offset = this.firstBadFooterByte(block, size)
      if (offset >= 0) {
        const found = u32[(block + bytesOf(size) - FOOTER_BYTES) >>> 2]
        throw new HeapCorruptionError('OVERFLOW', payload, {
          size: usable,
          kind,
          offset,
          expected: low,
          found,
        })
      }
    }
    if (magic && fits && (size & LEAD_FLAG) === 0) {
      throw new HeapCorruptionError('UNDERFLOW', payload, {
        size: usable,
        kind,
        offset: -HEADER_BYTES - 1,
        hint: 'the lead before an over-aligned payload is damaged',
      })
    }
    if (magic && fits) {
      const hint = 'it is the unused lead of an over-aligned block'
      throw new HeapCorruptionError('INVALID_POINTER', payload, { hint })
    }
    if (magic)
      throw new HeapCorruptionError('UNDERFLOW', payload, {
        kind,
        offset: -9,
        hint: 'the size word is impossible',
      })
    const footer = (block + bytesOf(size) - FOOTER_BYTES) >>> 2
    if (fits && u32[footer + 2] === size && this.isMagic(block, u32[footer], u32[footer + 1])) {
      throw new HeapCorruptionError('UNDERFLOW', payload, {
        size: usable,
        kind: (u32[footer] & KIND_MASK) as Kind,
        offset: this.offsetBefore(block, footer * 4),
        expected: u32[footer],
        found: low,
      })
    }
    throw new HeapCorruptionError('INVALID_POINTER', payload, { expected, found: low })
  }

  /** Offset of the changed byte of the magic that is nearest to the payload. */
  private offsetBefore(block: Address, footer: Address): number {
    const { u8 } = this.memory
    let i = 7
    while (i > 0 && u8[block + 8 + i] === u8[footer + i]) i--
    return i - 8
  }
}

/** Bytes of a size word, without its flags. */
function bytesOf(size: number): number {
  return (size & ~FLAGS_MASK) >>> 0
}
