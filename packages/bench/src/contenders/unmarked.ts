/** The default composition with marks that check nothing: what marks and checks cost is the difference of the two. */
import { type Composition, defaultComposition } from '@vmalloc/core'
import type { CacheableMarking, Kind, MarkState } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'
import type { Open } from './contender.ts'
import { openVmalloc } from './open-vmalloc.ts'

const HEADER_BYTES = 8
const KIND_MASK = 3
/** In the second word of a header: the payload begins later; how much later stands behind the header. */
const LEAD_FLAG = 4
/** In the second word before such a payload; the first says how far back the block begins. */
const INNER_FLAG = 8

/**
 * As much room as `Mark32` takes, and its work but for verifying: a header of size and kind, no footer.
 *
 *     block + 0  size    block + 4  kind    payload ...
 *
 * It cannot tell a block from anything else, so a heap with it cannot be walked, checked or repaired.
 */
class Unmarked implements CacheableMarking {
  readonly headerBytes: number = HEADER_BYTES
  readonly footerBytes: number = HEADER_BYTES
  readonly phase: number = HEADER_BYTES
  declare private readonly memory: Memory

  constructor(memory: Memory) {
    this.memory = memory
  }

  mark(block: Address, size: number, kind: Kind): Address {
    this.markCached(block, size, kind)
    return block + HEADER_BYTES
  }

  markAligned(block: Address, size: number, kind: Kind, payload: Address): Address {
    const lead = payload - HEADER_BYTES - block
    this.mark(block, size, kind)
    if (lead === 0) return payload
    const { u32 } = this.memory
    u32[(block + 4) >>> 2] |= LEAD_FLAG
    u32[(block + HEADER_BYTES) >>> 2] = lead
    u32[(payload - HEADER_BYTES) >>> 2] = lead
    u32[(payload - 4) >>> 2] = INNER_FLAG
    return payload
  }

  verify(payload: Address): Address {
    const { u32 } = this.memory
    const block = payload - HEADER_BYTES
    return u32[(payload - 4) >>> 2] === INNER_FLAG ? block - u32[block >>> 2] : block
  }

  sizeAt(block: Address): number {
    return this.memory.u32[block >>> 2]
  }

  kindAt(block: Address): Kind {
    return (this.memory.u32[(block + 4) >>> 2] & KIND_MASK) as Kind
  }

  payloadAt(block: Address): Address {
    const { u32 } = this.memory
    const later = (u32[(block + 4) >>> 2] & LEAD_FLAG) !== 0
    return block + HEADER_BYTES + (later ? u32[(block + HEADER_BYTES) >>> 2] : 0)
  }

  stateAt(): MarkState {
    return 'none'
  }

  erase(): void {}

  plainAt(payload: Address, u32: Uint32Array): number {
    const kind = u32[(payload - 4) >>> 2]
    return kind > KIND_MASK ? 0 : u32[(payload - HEADER_BYTES) >>> 2] | kind
  }

  markCached(block: Address, size: number, kind: Kind): void {
    const { u32 } = this.memory
    u32[block >>> 2] = size
    u32[(block + 4) >>> 2] = kind
  }

  fromCached(_u32: Uint32Array, block: Address): Address {
    return block + HEADER_BYTES
  }

  toCached(): void {}

  toFreed(): void {}
}

const composition: Composition = {
  name: 'unmarked',
  controlBytes: (maximum) => defaultComposition.controlBytes(maximum),
  assemble: (site) => ({
    ...defaultComposition.assemble(site),
    marking: new Unmarked(site.memory),
  }),
}

export const open: Open = ({ maximum }) => openVmalloc({ maximum, composition }, 2 * HEADER_BYTES)
