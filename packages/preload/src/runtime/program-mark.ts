/**
 * `ProgramMark`: marks that look like dlmalloc's from the inside of a compiled program; 12 bytes in all.
 *
 *     block + 0      magic    30 mixed bits of (block, head, secret) | kind
 *           + 4      head     what dlmalloc would have left here: payload bytes + 4, and its two "in use" bits
 *           + 8      payload, 16-aligned
 *           ...
 *           + size-4 magic    as at the start
 *
 *     head: (size - 8) | 3 plain, (size - 8) | 7 the payload of an over-aligned block, lead | 1 the lead before one
 *
 * Compiled code reads the word before a payload where the compiler inlined `malloc_usable_size`, and where a `calloc`
 * left in place asks whether its pages came zeroed. With a footer of one word a payload has 4 mod 16 bytes, so the size
 * such code computes, `(head & -8) - 4`, is exact. Flag 4 is one that dlmalloc ignores.
 */
import {
  CACHED_FLIP as CACHED,
  type CacheableMarking,
  FREED_FLIP as FREED,
  HeapCorruptionError,
  type Kind,
  type MarkState,
  misplaced,
} from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const CACHED_FLIP: number = CACHED
const FREED_FLIP: number = FREED
const HEADER_BYTES = 8
const FOOTER_BYTES = 4
const OVERHEAD_BYTES: number = HEADER_BYTES + FOOTER_BYTES
const KIND_MASK = 3
const INVALID_KIND = 3
const ALIGNMENT_MASK = 15
/** Low four bits of each form of head. */
const PLAIN = 8 | 3
const INNER = 8 | 7
const LEAD = 1

export class ProgramMark implements CacheableMarking {
  readonly headerBytes: number = HEADER_BYTES
  readonly footerBytes: number = FOOTER_BYTES
  readonly phase: number = 8
  declare private readonly memory: Memory
  declare private readonly secret: number

  constructor(memory: Memory) {
    this.memory = memory
    this.secret = memory.secret | 0
  }

  mark(block: Address, size: number, kind: Kind): Address {
    return this.write(block, size - 16 + PLAIN, size, kind)
  }

  markAligned(block: Address, size: number, kind: Kind, payload: Address): Address {
    const inner = payload - HEADER_BYTES
    const lead = inner - block
    if (lead === 0) return this.mark(block, size, kind)
    const { u32 } = this.memory
    u32[(inner - 4) >>> 2] = lead
    u32[(block + 4) >>> 2] = lead | LEAD
    u32[block >>> 2] = this.magic(block, lead | LEAD) | kind
    return this.write(inner, size - lead - 16 + INNER, size - lead, kind)
  }

  verify(payload: Address): Address {
    const { u32, byteLength } = this.memory
    const block = payload - HEADER_BYTES
    if ((payload & ALIGNMENT_MASK) !== 0 || block <= 0 || payload > byteLength) this.fail(payload)
    const magic = u32[block >>> 2]
    const head = u32[(block + 4) >>> 2]
    const kind = magic & KIND_MASK
    const form = head & ALIGNMENT_MASK
    if (
      (magic ^ kind) >>> 0 !== this.magic(block, head) ||
      kind === INVALID_KIND ||
      (form !== PLAIN && form !== INNER)
    ) {
      this.fail(payload)
    }
    const end = block + head - form + 16
    if (end > byteLength || u32[(end - FOOTER_BYTES) >>> 2] !== magic) this.fail(payload)
    return form === PLAIN ? block : this.blockOfInner(payload)
  }

  plainAt(payload: Address, u32: Uint32Array, byteLength: number): number {
    if ((payload & ALIGNMENT_MASK) !== 0 || payload > byteLength) return 0
    const header = (payload >>> 2) - HEADER_BYTES / 4
    const magic = u32[header]
    const head = u32[header + 1]
    const kind = (magic ^ this.magic((payload - HEADER_BYTES) | 0, head)) >>> 0
    if (kind >= INVALID_KIND || (head & ALIGNMENT_MASK) !== PLAIN) return 0
    const bytes = sizeOf(head)
    const end = header + (bytes >>> 2)
    return end <= byteLength >>> 2 && u32[end - FOOTER_BYTES / 4] === magic ? bytes | kind : 0
  }

  sizeAt(block: Address): number {
    const head = this.memory.u32[(block + 4) >>> 2]
    if ((head & ALIGNMENT_MASK) !== LEAD) return sizeOf(head)
    const lead = head - LEAD
    return lead + sizeOf(this.memory.u32[(block + lead + 4) >>> 2])
  }

  kindAt(block: Address): Kind {
    return (this.memory.u32[block >>> 2] & KIND_MASK) as Kind
  }

  payloadAt(block: Address): Address {
    const head = this.memory.u32[(block + 4) >>> 2]
    return block + HEADER_BYTES + ((head & ALIGNMENT_MASK) === LEAD ? head - LEAD : 0)
  }

  stateAt(block: Address): MarkState {
    const { u32, byteLength } = this.memory
    if (block <= 0 || block + 16 > byteLength || (block & ALIGNMENT_MASK) !== this.phase)
      return 'none'
    const magic = u32[block >>> 2]
    const head = u32[(block + 4) >>> 2]
    const kind = magic & KIND_MASK
    const form = head & ALIGNMENT_MASK
    if (kind === INVALID_KIND || (form !== PLAIN && form !== LEAD)) return 'none'
    const bits = (magic ^ kind) >>> 0
    const expected = this.magic(block, head)
    if (bits === (expected ^ FREED_FLIP) >>> 0) return 'freed'
    if (block + sizeOf(head) > byteLength) return 'none'
    if (bits === (expected ^ CACHED_FLIP) >>> 0) return 'cached'
    return bits === expected ? 'used' : 'none'
  }

  erase(block: Address): void {
    const { u32 } = this.memory
    const payload = this.payloadAt(block)
    if (payload !== block + HEADER_BYTES) u32[(payload - HEADER_BYTES) >>> 2] ^= FREED_FLIP
    u32[block >>> 2] ^= FREED_FLIP
  }

  markCached(block: Address, size: number, kind: Kind): void {
    const { u32 } = this.memory
    const head = size - 16 + PLAIN
    u32[block >>> 2] = (this.magic(block, head) ^ CACHED_FLIP) | kind
    u32[(block + 4) >>> 2] = head
  }

  fromCached(u32: Uint32Array, block: Address, size: number): Address {
    const magic = u32[block >>> 2] ^ CACHED_FLIP
    u32[(block + size - FOOTER_BYTES) >>> 2] = magic
    u32[block >>> 2] = magic
    return block + HEADER_BYTES
  }

  toCached(u32: Uint32Array, block: Address): void {
    u32[block >>> 2] ^= CACHED_FLIP
  }

  toFreed(block: Address): void {
    this.memory.u32[block >>> 2] ^= CACHED_FLIP ^ FREED_FLIP
  }

  private write(block: Address, head: number, size: number, kind: Kind): Address {
    const { u32 } = this.memory
    const magic = this.magic(block, head) | kind
    u32[block >>> 2] = magic
    u32[(block + 4) >>> 2] = head
    u32[(block + size - FOOTER_BYTES) >>> 2] = magic
    return block + HEADER_BYTES
  }

  /** 30 bits, the low two 0. */
  private magic(block: Address, head: number): number {
    let x = Math.imul(block ^ this.secret, 0x9e3779b1) ^ head
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b)
    return ((x ^ (x >>> 13)) & ~KIND_MASK) >>> 0
  }

  /** Start of the block around an over-aligned payload whose inner marks are sound. */
  private blockOfInner(payload: Address): Address {
    const { u32 } = this.memory
    const inner = payload - HEADER_BYTES
    const lead = u32[(inner - 4) >>> 2]
    const block = inner - lead
    const sound =
      (lead & ALIGNMENT_MASK) === 0 &&
      block > 0 &&
      u32[(block + 4) >>> 2] === (lead | LEAD) >>> 0 &&
      (u32[block >>> 2] & ~KIND_MASK) >>> 0 === this.magic(block, (lead | LEAD) >>> 0)
    if (!sound) {
      throw new HeapCorruptionError('UNDERFLOW', payload, {
        offset: -HEADER_BYTES - 1,
        hint: 'the lead before an over-aligned payload is damaged',
      })
    }
    return block
  }

  /** Finds out what is wrong with a payload that did not pass, and throws it. Out of the fast path. */
  private fail(payload: Address): never {
    const { u32, byteLength } = this.memory
    const wrong = misplaced(payload, HEADER_BYTES + 1, byteLength)
    if (wrong !== undefined) throw wrong
    const block = payload - HEADER_BYTES
    const found = u32[block >>> 2]
    const head = u32[(block + 4) >>> 2]
    const kind = (found & KIND_MASK) as Kind
    const bits = (found ^ kind) >>> 0
    const expected = this.magic(block, head)
    const form = head & ALIGNMENT_MASK
    const end = block + sizeOf(head)
    const fits = (form === PLAIN || form === INNER) && end <= byteLength
    const size = fits ? end - block - OVERHEAD_BYTES : undefined
    const freed = bits === (expected ^ FREED_FLIP) >>> 0 || bits === (expected ^ CACHED_FLIP) >>> 0
    if (fits && freed) {
      throw new HeapCorruptionError('DOUBLE_FREE', payload, { size, kind })
    }
    const footer = fits ? u32[(end - FOOTER_BYTES) >>> 2] : 0
    if (fits && bits === expected) {
      const offset = firstDifference(footer, found)
      throw new HeapCorruptionError('OVERFLOW', payload, {
        size,
        kind,
        offset,
        expected: found,
        found: footer,
      })
    }
    if (fits && (footer & ~KIND_MASK) >>> 0 === expected) {
      const details = { size, kind: (footer & KIND_MASK) as Kind, expected: footer, found }
      throw new HeapCorruptionError('UNDERFLOW', payload, {
        ...details,
        offset: lastDifference(footer, found) - 8,
      })
    }
    throw new HeapCorruptionError('INVALID_POINTER', payload, { expected, found })
  }
}

/** Bytes of the block that a plain or inner head stands for. */
function sizeOf(head: number): number {
  return (head & ~ALIGNMENT_MASK) + 16
}

/** Number of the first byte, in memory order, in which two words differ. */
function firstDifference(one: number, other: number): number {
  let byte = 0
  while (byte < 3 && ((one ^ other) >>> (byte * 8)) % 256 === 0) byte++
  return byte
}

function lastDifference(one: number, other: number): number {
  let byte = 3
  while (byte > 0 && ((one ^ other) >>> (byte * 8)) % 256 === 0) byte--
  return byte
}
