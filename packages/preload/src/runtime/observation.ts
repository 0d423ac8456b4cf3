/**
 * Observe mode: the original goes on allocating; every call is counted, every block remembered, every free checked.
 *
 * Where code that was not hooked uses the same allocator, an address may be freed and handed out again unseen. A free of
 * an address freed before is called a double free only when nothing is hidden, or when the word before the payload
 * says that dlmalloc holds the block free.
 */
import { HeapCorruptionError } from '@vmalloc/core'
import type { Address } from '@vmalloc/memory'
import type { FoundFunction } from '../find/find.ts'
import { BlockTable } from './block-table.ts'
import type { Ledger } from './ledger.ts'
import type { NumberFunction, Originals } from './originals.ts'
import type { Stacks } from './stacks.ts'

/** dlmalloc's flag "this chunk is in use", in the word before a payload. */
const IN_USE_FLAG = 2
/** What the table says of an address that was freed. */
const FREED = -1

export interface ObservationOptions {
  readonly memory: WebAssembly.Memory
  readonly ledger: Ledger
  readonly stacks: Stacks
  readonly originals: Originals
  /** Whether every function that can reach the allocator is hooked. */
  readonly closed: boolean
}

export class Observation {
  readonly blocks: BlockTable = new BlockTable()
  live = 0
  peak = 0
  private readonly options: ObservationOptions

  constructor(options: ObservationOptions) {
    this.options = options
  }

  /** The hook for one function of the family; `original` is its old body. */
  hook(found: FoundFunction, original: NumberFunction): NumberFunction {
    const { originals, ledger } = this.options
    const { role } = found
    return (first, second, third) => {
      if (originals.inside > 0) return original(first, second, third)
      ledger.callsByRole[role]++
      switch (role) {
        case 'free':
          if (this.checkFree(first >>> 0)) originals.call(original, first)
          return undefined
        case 'malloc':
        case 'valloc':
          return this.born(originals.call(original, first), first >>> 0)
        case 'calloc':
          return this.born(originals.call(original, first, second), (first >>> 0) * (second >>> 0))
        case 'memalign':
          return this.born(originals.call(original, first, second), second >>> 0)
        case 'realloc':
          return this.moved(first >>> 0, originals.call(original, first, second), second >>> 0)
        case 'reallocarray': {
          const size = (second >>> 0) * (third >>> 0)
          return this.moved(first >>> 0, originals.call(original, first, second, third), size)
        }
        case 'posix_memalign': {
          const failed = originals.call(original, first, second, third)
          if (failed === 0) this.born(this.word(first >>> 0), third >>> 0)
          return failed
        }
        default:
          return originals.call(original, first, second, third)
      }
    }
  }

  /** Enters a new block; an old one at the address was freed unseen. */
  private born(address: Address, size: number): Address {
    const { ledger, stacks } = this.options
    ledger.countSize(size)
    if (address === 0) return 0
    this.forget(address)
    this.blocks.set(address, size, stacks.capture())
    this.live += size
    if (this.live > this.peak) this.peak = this.live
    return address
  }

  private moved(from: Address, to: Address, size: number): Address {
    // No result for a size above 0 means no room: the old block lives on.
    if (from !== 0 && (to !== 0 || size === 0)) this.forget(from)
    return this.born(to, size)
  }

  private forget(address: Address): boolean {
    const size = this.blocks.sizeAt(address)
    if (size < 0) return false
    this.options.stacks.release(this.blocks.siteAt(address))
    this.blocks.setFreed(address)
    this.live -= size
    return true
  }

  /** @returns Whether the original may have the call: a second free would damage it. */
  private checkFree(address: Address): boolean {
    if (address === 0) return false
    if (this.forget(address)) return true
    if (this.blocks.sizeAt(address) !== FREED) {
      this.options.ledger.foreign++
      return true
    }
    const heldFree = (this.word(address - 4) & IN_USE_FLAG) === 0
    if (!this.options.closed && !heldFree) return true
    this.options.ledger.enter(new HeapCorruptionError('DOUBLE_FREE', address), 'free')
    return false
  }

  private word(address: Address): number {
    return new DataView(this.options.memory.buffer).getUint32(address, true)
  }
}
