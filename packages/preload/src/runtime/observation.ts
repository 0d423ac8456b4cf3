/**
 * Observe mode: the original goes on allocating; every call is counted, every block remembered, every pointer checked.
 *
 * Where code that was not hooked uses the same allocator, an address may be freed and handed out again unseen. So what is
 * called an error must hold whatever was not seen:
 *
 * - a pointer outside of the memory, or one no allocator gives: always;
 * - a block freed before, or the inside of a live one: when nothing is hidden, or when the word before the payload, where
 *   dlmalloc keeps size and use, says so too;
 * - an overwritten word before a block: when nothing is hidden.
 *
 * A pointer found wrong never reaches the original, which it would damage.
 */
import { HeapCorruptionError } from '@vmalloc/core'
import type { Address } from '@vmalloc/memory'
import type { FoundFunction } from '../find/analysis.ts'
import type { Role } from '../find/roles.ts'
import { BlockTable } from './block-table.ts'
import { Heads } from './heads.ts'
import type { Ledger } from './ledger.ts'
import type { NumberFunction, Originals } from './originals.ts'
import type { Stacks } from './stacks.ts'

/** What every allocator for WebAssembly keeps to. */
const ALIGNMENT_BYTES = 8

export interface ObservationOptions {
  readonly memory: WebAssembly.Memory
  readonly ledger: Ledger
  readonly stacks: Stacks
  readonly originals: Originals
  /** The original malloc: a block resized after it was freed goes on in a new one. */
  readonly supply: NumberFunction
  /** Whether every function that can reach the allocator is hooked. */
  readonly closed: boolean
}

export class Observation {
  readonly blocks: BlockTable = new BlockTable(ALIGNMENT_BYTES)
  live = 0
  peak = 0
  private readonly options: ObservationOptions
  private readonly heads: Heads

  constructor(options: ObservationOptions) {
    this.options = options
    this.heads = new Heads(options.memory)
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
          if (first !== 0) this.free(first >>> 0, original)
          return undefined
        case 'malloc':
        case 'valloc':
          return this.born(originals.call(original, first), first >>> 0)
        case 'calloc':
          return this.born(originals.call(original, first, second), (first >>> 0) * (second >>> 0))
        case 'memalign':
          return this.born(originals.call(original, first, second), second >>> 0)
        case 'realloc':
          return this.reallocate(first >>> 0, second >>> 0, role, () =>
            originals.call(original, first, second),
          )
        case 'reallocarray':
          return this.reallocate(first >>> 0, (second >>> 0) * (third >>> 0), role, () =>
            originals.call(original, first, second, third),
          )
        case 'posix_memalign': {
          const failed = originals.call(original, first, second, third)
          if (failed === 0) this.born(this.heads.word(first >>> 0), third >>> 0)
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
    this.heads.born(address, size)
    this.blocks.set(address, size, stacks.capture())
    this.live += size
    if (this.live > this.peak) this.peak = this.live
    return address
  }

  private forget(address: Address): void {
    const size = this.blocks.sizeAt(address)
    if (size < 0) return
    this.options.stacks.release(this.blocks.release(address))
    this.live -= size
  }

  private free(address: Address, original: NumberFunction): void {
    const error = this.wrong(address)
    if (error === null) {
      this.forget(address)
      this.options.originals.call(original, address)
    } else this.enter(error, 'free')
  }

  private reallocate(address: Address, size: number, role: Role, original: () => Address): Address {
    const error = address === 0 ? null : this.wrong(address)
    if (error !== null) return this.salvage(error, size, role)
    const moved = original()
    // No result for a size above 0 means no room: the old block lives on.
    if (address !== 0 && (moved !== 0 || size === 0)) this.forget(address)
    return this.born(moved, size)
  }

  /** A resize of what is no sound block: the program gets the content in a new one, if only its size is known. */
  private salvage(error: HeapCorruptionError, size: number, role: Role): Address {
    const { memory, originals, supply } = this.options
    this.enter(error, role)
    if (error.size === undefined || size > 0xffffffff) return 0
    const fresh = this.born(originals.call(supply, size), size)
    if (fresh !== 0) {
      const kept = Math.min(size, error.size)
      new Uint8Array(memory.buffer).copyWithin(fresh, error.address, error.address + kept)
    }
    return fresh
  }

  /** What is wrong with a pointer that is to be freed; `null` when nothing is, or nothing that can be known. */
  private wrong(address: Address): HeapCorruptionError | null {
    const { blocks, heads } = this
    const { closed, ledger, memory } = this.options
    const size = blocks.sizeAt(address)
    if (size >= 0) {
      if (!closed || !heads.damaged(address, size)) return null
      const hint = 'the word before the block was overwritten'
      return new HeapCorruptionError('UNDERFLOW', address, { size, hint })
    }
    if (address % ALIGNMENT_BYTES !== 0 || address >= memory.buffer.byteLength) {
      return new HeapCorruptionError('INVALID_POINTER', address)
    }
    const freed = blocks.freedSizeAt(address)
    if (freed >= 0 && (closed || heads.free(address))) {
      return new HeapCorruptionError('DOUBLE_FREE', address, { size: freed })
    }
    const around = blocks.blockAround(address)
    if (around !== undefined && (closed || heads.whole(around.address, around.size))) {
      const hint = `${address - around.address} bytes into a block of ${around.size}`
      return new HeapCorruptionError('INVALID_POINTER', address, { hint })
    }
    ledger.foreign++
    return null
  }

  /** Enters an error. A damaged block is given up: the original would stumble over it. */
  private enter(error: HeapCorruptionError, during: Role): void {
    const { ledger, stacks } = this.options
    const site = this.blocks.siteAt(error.address)
    ledger.enter(error, during, () => stacks.frames(site))
    if (error.code === 'UNDERFLOW') this.forget(error.address)
  }
}
