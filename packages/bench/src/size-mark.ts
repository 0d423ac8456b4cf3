/**
 * `SizeMark`: marks that only remember how long a block is, and check nothing: what marks of 8 bytes would save, and what
 * checks cost.
 *
 *     block + 0  size    block + 4  USED << 8 | kind    payload ...    footer: left as it is
 *
 * A payload behind a lead has a header of its own, which says how far back the block begins; the words of the lead say
 * how much later the payload does.
 */
import type { Kind, Marking, MarkState } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'

export const HEADER_BYTES = 8
export const KIND_MASK = 3
/** In the second word of a header: the payload begins later; how much later stands behind the header. */
const LEAD_FLAG = 4
/** The second word before such a payload. */
const INNER = 8
export const USED = 0x5e00

export class SizeMark implements Marking {
  readonly headerBytes: number = HEADER_BYTES
  readonly footerBytes: number
  readonly phase: number = HEADER_BYTES
  declare protected readonly memory: Memory

  constructor(memory: Memory, footerBytes = 0) {
    this.memory = memory
    this.footerBytes = footerBytes
  }

  mark(block: Address, size: number, kind: Kind): Address {
    const { u32 } = this.memory
    u32[block >>> 2] = size
    u32[(block + 4) >>> 2] = USED | kind
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
    u32[(payload - 4) >>> 2] = INNER
    return payload
  }

  verify(payload: Address): Address {
    const { u32 } = this.memory
    const block = payload - HEADER_BYTES
    return u32[(payload - 4) >>> 2] === INNER ? block - u32[block >>> 2] : block
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

  stateAt(block: Address): MarkState {
    return (this.memory.u32[(block + 4) >>> 2] & 0xff00) === USED ? 'used' : 'none'
  }

  erase(block: Address): void {
    this.memory.u32[(block + 4) >>> 2] = 0
  }
}
