/**
 * Records a program's own calls of the malloc family as an MTR1 trace, for `vmalloc replay`. Works in either mode: it
 * stands before the hooks and sees what the program asked for and got.
 */
import type { Address } from '@vmalloc/memory'
import { encodeTrace, TraceWriter } from '@vmalloc/trace'
import type { Role } from '../find/roles.ts'
import type { NumberFunction, Originals } from './originals.ts'

export class Recording {
  private readonly writer: TraceWriter = new TraceWriter()
  /** Ids of the live blocks. */
  private readonly ids: Map<Address, number> = new Map()
  private readonly originals: Originals
  private readonly memory: WebAssembly.Memory

  constructor(originals: Originals, memory: WebAssembly.Memory) {
    this.originals = originals
    this.memory = memory
  }

  /** Stands before the hook of a family member. */
  wrap(role: Role, hook: NumberFunction): NumberFunction {
    return (first, second, third) => {
      // A call that an original makes is part of the call that it answers.
      const nested = this.originals.inside > 0
      if (role === 'free' && !nested) this.died(first >>> 0)
      const result = hook(first, second, third)
      if (!nested) this.note(role, first >>> 0, second >>> 0, third >>> 0, (result ?? 0) >>> 0)
      return result
    }
  }

  /** @returns The bytes of an `.mtr` file with all calls so far. */
  bytes(name: string): Uint8Array {
    return encodeTrace(this.writer.finish(name, { cut: true }))
  }

  private note(role: Role, first: number, second: number, third: number, result: number): void {
    switch (role) {
      case 'malloc':
      case 'valloc':
        if (result !== 0) this.ids.set(result, this.writer.malloc(first))
        return
      case 'calloc':
        if (result !== 0) this.ids.set(result, this.writer.calloc(first * second))
        return
      case 'memalign':
        this.aligned(result, second, first)
        return
      case 'posix_memalign':
        if (result === 0) {
          this.aligned(new DataView(this.memory.buffer).getUint32(first, true), third, second)
        }
        return
      case 'realloc':
        this.moved(first, result, second)
        return
      case 'reallocarray':
        this.moved(first, result, second * third)
        return
      default:
        return
    }
  }

  private aligned(address: Address, size: number, alignment: number): void {
    if (address === 0) return
    const power = 2 ** Math.ceil(Math.log2(Math.max(alignment, 1)))
    this.ids.set(address, this.writer.memalign(size, power))
  }

  private moved(from: Address, to: Address, size: number): void {
    const id = this.ids.get(from)
    if (to === 0) {
      // No block for a size of 0: it was freed. Else there was no room, and nothing happened.
      if (from !== 0 && size === 0) this.died(from)
    } else if (id === undefined) this.ids.set(to, this.writer.malloc(size))
    else {
      // The format takes a size of 0 for a free; what the program has is a block of the least size.
      this.writer.realloc(id, Math.max(size, 1))
      this.ids.delete(from)
      this.ids.set(to, id)
    }
  }

  private died(address: Address): void {
    const id = this.ids.get(address)
    if (id === undefined) return
    this.ids.delete(address)
    this.writer.free(id)
  }
}
