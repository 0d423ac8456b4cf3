/**
 * A marking as a user would write it: a header of 16 bytes, no footer.
 *
 *     block + 0   size, bytes of the block     + 4   state | kind     + 8   payload, 0 for block + 16
 *
 *     16 bytes before a payload that begins later:   + 0   block      + 4   INNER
 */
import { HeapCorruptionError, type Kind, type Marking, type MarkState } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'

const USED = 0x5eed0100
const FREED = 0x5eed0200
const INNER = 0x5eed0300
const KIND_MASK = 3

export class HeaderMark implements Marking {
  readonly headerBytes: number = 16
  readonly footerBytes: number = 0
  readonly phase: number = 0
  readonly #memory: Memory

  constructor(memory: Memory) {
    this.#memory = memory
  }

  mark(block: Address, size: number, kind: Kind, requested: number): Address {
    return this.markAligned(block, size, kind, block + 16, requested)
  }

  markAligned(
    block: Address,
    size: number,
    kind: Kind,
    payload: Address,
    _requested: number,
  ): Address {
    const { u32 } = this.#memory
    if (payload !== block + 16) u32.set([block, INNER], (payload - 16) >>> 2)
    u32.set([size, USED | kind, payload], block >>> 2)
    return payload
  }

  verify(payload: Address): Address {
    const { u32, byteLength } = this.#memory
    const invalid = (): never => {
      throw new HeapCorruptionError('INVALID_POINTER', payload)
    }
    if (payload % 16 !== 0 || payload < 16 || payload > byteLength) return invalid()
    const header = (payload - 16) >>> 2
    const block = u32[header + 1] === INNER ? (u32[header] as Address) : payload - 16
    const state = this.stateAt(block)
    if (state === 'none' || this.payloadAt(block) !== payload) return invalid()
    if (state === 'freed') throw new HeapCorruptionError('DOUBLE_FREE', payload)
    return block
  }

  sizeAt(block: Address): number {
    return this.#memory.u32[block >>> 2] as number
  }

  kindAt(block: Address): Kind {
    return ((this.#memory.u32[(block + 4) >>> 2] as number) & KIND_MASK) as Kind
  }

  payloadAt(block: Address): Address {
    return this.#memory.u32[(block + 8) >>> 2] as Address
  }

  stateAt(block: Address): MarkState {
    const { u32, byteLength } = this.#memory
    if (block % 16 !== 0 || block < 16 || block + 16 > byteLength) return 'none'
    const state = ((u32[(block + 4) >>> 2] as number) & ~KIND_MASK) >>> 0
    if (state === FREED) return 'freed'
    return state === USED && block + this.sizeAt(block) <= byteLength ? 'used' : 'none'
  }

  erase(block: Address): void {
    this.#memory.u32[(block + 4) >>> 2] = FREED | this.kindAt(block)
  }
}
