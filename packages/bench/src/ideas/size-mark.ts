/** `SizeMark`: size and kind before a block, nothing behind it, no check of anything: what marks of 8 bytes would save. */
import type { Kind, Marking, MarkState } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'

const USED = 0x5e

export class SizeMark implements Marking {
  readonly headerBytes: number = 8
  readonly footerBytes: number = 0
  readonly phase: number = 8
  readonly #memory: Memory

  constructor(memory: Memory) {
    this.#memory = memory
  }

  mark(block: Address, size: number, kind: Kind): Address {
    const { u32 } = this.#memory
    u32[block >>> 2] = size
    u32[(block + 4) >>> 2] = (USED << 8) | kind
    return block + this.headerBytes
  }

  markAligned(block: Address, size: number, kind: Kind, payload: Address): Address {
    const inner = payload - this.headerBytes
    this.mark(block, size, kind)
    if (inner !== block) {
      this.#memory.u32[inner >>> 2] = inner - block
      this.#memory.u32[(inner + 4) >>> 2] = 0
    }
    return payload
  }

  verify(payload: Address): Address {
    const inner = payload - this.headerBytes
    const { u32 } = this.#memory
    return u32[(inner + 4) >>> 2] === 0 ? inner - (u32[inner >>> 2] as number) : inner
  }

  sizeAt(block: Address): number {
    return this.#memory.u32[block >>> 2] as number
  }

  kindAt(block: Address): Kind {
    return ((this.#memory.u32[(block + 4) >>> 2] as number) & 3) as Kind
  }

  payloadAt(block: Address): Address {
    return block + this.headerBytes
  }

  stateAt(block: Address): MarkState {
    return (this.#memory.u32[(block + 4) >>> 2] as number) >>> 8 === USED ? 'used' : 'none'
  }

  erase(block: Address): void {
    this.#memory.u32[(block + 4) >>> 2] = 0
  }
}
