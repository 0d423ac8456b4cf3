/**
 * Replace mode: the malloc family of a program, over a heap of ours in the program's own memory.
 *
 * Features
 * - Pages come from the program's original malloc: its memory grows the way it always did, and its views stay true.
 * - What we cannot or should not answer, the original answers: requests too big, odd alignments, an exhausted memory. So
 *   `errno` is set by the program's own code, in its own way.
 * - Blocks that the original made are freed by the original.
 * - Nothing is thrown into the program: what is found goes into the ledger, and the damaged block is left alone.
 */
import { Heap } from '@vmalloc/core'
import type { Address, Memory } from '@vmalloc/memory'
import type { Role } from '../find/roles.ts'
import { LARGE_FROM_BYTES, programComposition } from './composition.ts'
import { askedBytes, GUARD_BYTES, siteOf, stamp, usableBytes, verifyGuard } from './guard.ts'
import type { Ledger } from './ledger.ts'
import type { NumberFunction, Originals } from './originals.ts'
import { OwnedPages } from './owned-pages.ts'
import type { Stacks } from './stacks.ts'

/** One thread, which keeps what it freed last: that is what programs ask for next. */
const CACHE = { slots: 1, bytesPerClass: 2 ** 20, blocksPerClass: 16_384, maxBlock: 8192 }
/** dlmalloc's limit: requests from here on always fail. */
export const TOO_BIG_BYTES = 0xffff0000
const HIGHEST_ALIGNMENT_BYTES = 2 ** 30
const PLAIN_ALIGNMENT_BYTES = 16
/** Up to here a loop beats the call of `fill`. */
const SHORT_BYTES = 128
/** Blocks longer than this may grow where they lie. */
const LONG_BYTES = 2048

export interface ReplacementOptions {
  readonly memory: WebAssembly.Memory
  readonly ledger: Ledger
  readonly stacks: Stacks
  readonly originals: Originals
  /** The original malloc, which supplies pages. */
  readonly supply: NumberFunction
  /** Guard the bytes behind every request. */
  readonly guarded: boolean
  /** Whether the original's `realloc(p, 0)` frees. */
  readonly reallocZeroFrees: boolean
}

export class Replacement {
  /** Pages of the program's memory that are ours. */
  readonly pages: OwnedPages = new OwnedPages()
  private readonly options: ReplacementOptions
  readonly ledger: Ledger
  readonly originals: Originals
  private readonly extra: number
  private made: Heap | null = null
  private madeMemory: Memory | null = null
  /** Why there is no heap: tried once, for each try takes memory. The originals serve the program then. */
  private failed: unknown = null

  constructor(options: ReplacementOptions) {
    this.options = options
    this.ledger = options.ledger
    this.originals = options.originals
    this.extra = options.guarded ? GUARD_BYTES : 0
  }

  /** The heap, or `null` before the program's first request. */
  get heapIfMade(): Heap | null {
    return this.made
  }

  /** The heap; made on first use, for the program's allocator may need its constructors first. */
  get heap(): Heap {
    return this.made ?? this.makeHeap()
  }

  /** Bytes of a block of ours that the program may use: what it asked for, if we know. */
  sizeOf(address: Address): number {
    return this.options.guarded ? askedBytes(this.memory, address) : this.heap.usableSize(address)
  }

  /** Number of the stack that allocated a block of ours; 0 when there is none. */
  siteOf(address: Address): number {
    return this.options.guarded ? siteOf(this.memory, address) : 0
  }

  /** @throws `HeapCorruptionError` when the marks or the guard of a live block are damaged. */
  verify(address: Address): void {
    this.heap.usableSize(address)
    if (this.options.guarded) verifyGuard(this.memory, address)
  }

  /** The program's memory with current views. */
  get memory(): Memory {
    return (this.madeMemory ?? this.heap.memory).refresh()
  }

  private makeHeap(): Heap {
    const { memory, supply } = this.options
    if (this.failed !== null) throw this.failed
    try {
      const heap = this.createHeap(memory, supply)
      this.made = heap
      this.madeMemory = heap.memory
      return heap
    } catch (error) {
      this.ledger.enter(error, 'malloc')
      this.failed = error
      throw error
    }
  }

  private createHeap(memory: WebAssembly.Memory, supply: NumberFunction): Heap {
    return Heap.create({
      composition: programComposition,
      threadCache: CACHE,
      memory,
      grow: (bytes) => {
        const address = this.originals.call(supply, bytes)
        if (address !== 0) this.pages.add(address, bytes)
        return address
      },
    })
  }

  /** @returns 0 when the original should be asked. */
  allocate(size: number): Address {
    this.ledger.countSize(size)
    if (size >= TOO_BIG_BYTES) return 0
    try {
      const address = this.heap.malloc(size + this.extra)
      if (this.extra !== 0 && address !== 0) this.guard(address, size)
      return address
    } catch (error) {
      this.enter(error, 'malloc')
      return 0
    }
  }

  allocateZeroed(size: number): Address {
    this.ledger.countSize(size)
    try {
      const { heap } = this
      const large = size >= LARGE_FROM_BYTES
      const address = large ? heap.calloc(1, size + this.extra) : heap.malloc(size + this.extra)
      if (address === 0) return 0
      if (!large) this.clear(address, size)
      if (this.extra !== 0) this.guard(address, size)
      return address
    } catch (error) {
      this.enter(error, 'calloc')
      return 0
    }
  }

  /** Zeroes whole words: a payload of ours has a multiple of 4 bytes. */
  private clear(address: Address, size: number): void {
    const { u32 } = this.memory
    const first = address >>> 2
    const end = (address + size + 3) >>> 2
    if (size > SHORT_BYTES) u32.fill(0, first, end)
    else for (let index = first; index < end; index++) u32[index] = 0
  }

  allocateAligned(alignment: number, size: number): Address {
    if (alignment <= PLAIN_ALIGNMENT_BYTES && alignment !== 0) return this.allocate(size)
    const valid = alignment !== 0 && (alignment & (alignment - 1)) === 0
    if (!valid || alignment > HIGHEST_ALIGNMENT_BYTES || size >= TOO_BIG_BYTES) return 0
    this.ledger.countSize(size)
    try {
      const address = this.heap.alignedAlloc(size + this.extra, alignment)
      if (this.extra !== 0 && address !== 0) this.guard(address, size)
      return address
    } catch (error) {
      this.enter(error, 'memalign')
      return 0
    }
  }

  free(address: Address): void {
    try {
      if (this.extra !== 0) this.options.stacks.release(this.checkedSite(address))
      this.heap.free(address)
    } catch (error) {
      this.enter(error, 'free', address)
    }
  }

  /** `original(address, second, third)` answers for blocks that are not ours. */
  reallocate(
    address: Address,
    size: number,
    original: NumberFunction,
    second: number,
    third: number,
  ): Address {
    if (address === 0) {
      const fresh = size >= TOO_BIG_BYTES ? 0 : this.allocate(size)
      return fresh === 0 ? this.originals.call(original, 0, second, third) : fresh
    }
    if (!this.pages.has(address)) {
      this.ledger.foreign++
      return this.originals.call(original, address, second, third)
    }
    this.ledger.countSize(size)
    if (size === 0 && this.options.reallocZeroFrees) {
      this.free(address)
      return 0
    }
    try {
      const site = this.extra === 0 ? 0 : this.checkedSite(address)
      const moved = size >= TOO_BIG_BYTES ? 0 : this.resize(address, size)
      if (moved === 0) return this.moveToOriginal(address, size)
      if (this.extra !== 0) {
        this.options.stacks.release(site)
        this.guard(moved, size)
      }
      return moved
    } catch (error) {
      this.enter(error, 'realloc', address)
      return 0
    }
  }

  /**
   * A block that fits and is not half empty stays. A short one that does not fit moves, as it would have to go to another
   * pool anyway; for a long one the heap looks for room behind it.
   *
   * @returns 0 when there is no room.
   */
  private resize(address: Address, size: number): Address {
    const { heap } = this
    const usable = heap.usableSize(address)
    const wanted = Math.max(size + this.extra, 1)
    if (wanted <= usable && wanted > usable >>> 1) return address
    if (usable > LONG_BYTES) return heap.realloc(address, wanted)
    const moved = heap.malloc(wanted)
    if (moved === 0) return 0
    this.copy(address, moved, Math.min(usable, wanted))
    heap.free(address)
    return moved
  }

  /** Copies whole words: a payload of ours has a multiple of 4 bytes. */
  private copy(from: Address, to: Address, bytes: number): void {
    const { u8, u32 } = this.memory
    if (bytes > SHORT_BYTES) {
      u8.copyWithin(to, from, from + bytes)
      return
    }
    const distance = (to - from) / 4
    const end = (from + bytes + 3) >>> 2
    for (let index = from >>> 2; index < end; index++) u32[index + distance] = u32[index]
  }

  /** Our heap has no room: the original may have, and if it has none it says so its own way. */
  private moveToOriginal(address: Address, size: number): Address {
    const moved = this.originals.call(this.options.supply, size)
    if (moved === 0) return 0
    const kept = Math.min(size, this.usable(address))
    this.memory.u8.copyWithin(moved, address, address + kept)
    this.free(address)
    return moved
  }

  usable(address: Address): number {
    try {
      this.heap.usableSize(address)
      return this.sizeOf(address)
    } catch (error) {
      this.enter(error, 'malloc_usable_size', address)
      return usableBytes(this.memory, address)
    }
  }

  private guard(address: Address, size: number): void {
    stamp(this.memory, address, size, this.options.stacks.capture())
  }

  /** Checks a guarded block. @returns The number of its stack. @throws `HeapCorruptionError` */
  private checkedSite(address: Address): number {
    this.verify(address)
    return siteOf(this.memory, address)
  }

  /** Enters an error, but for the one that is repeated with each request: that there is no heap. */
  private enter(error: unknown, during: Role, address: Address = 0): void {
    if (error === this.failed) return
    this.ledger.enter(error, during, () => (address === 0 ? [] : this.allocatedAt(address)))
  }

  private allocatedAt(address: Address): readonly string[] {
    return this.options.guarded ? this.options.stacks.frames(siteOf(this.memory, address)) : []
  }
}
