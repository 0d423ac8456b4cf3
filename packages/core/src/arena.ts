/**
 * The arena: all of a heap's state below the front, and the dispatcher that sends a request to a strategy by its size.
 * Everything here runs under the lock, or in a heap without threads.
 */

import type { GuardedBlocks, Kind, Marking } from '@vmalloc/marking'
import * as kinds from '@vmalloc/marking'
import {
  type Address,
  type AddressSpace,
  type AlignedAllocator,
  type InPlaceResizer,
  type Memory,
  PAGE_BYTES as pageBytes,
  type RegionAllocator,
  roundUp,
  type ZeroedAllocator,
} from '@vmalloc/memory'
import * as L from './arena-layout.ts'
import type { HeapParts } from './composition.ts'
import { Reported } from './reported.ts'
import { roundUpToClass } from './threads/cache-classes.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const { LIVE, PEAK_LIVE, BLOCKS, UNUSABLE } = L
const { OWNER_SHIFT, RESIZING_BLOCK, RESIZING_BYTES, RESIZING_KIND, RESIZING_PAYLOAD } = L
const { SMALL, MEDIUM, LARGE, isOwning } = kinds
const PAGE_BYTES: number = pageBytes

/** Our strategies write so much behind the header of a free block. */
const FREE_WORDS_BYTES = 24

type Strategy = RegionAllocator & Partial<InPlaceResizer & ZeroedAllocator & AlignedAllocator>

/** Dispatcher over three strategies and a marking. Speed laws: named fields, one hidden class, slow paths apart. */
export class Arena {
  declare readonly memory: Memory
  declare readonly space: AddressSpace
  declare readonly parts: HeapParts
  declare readonly marking: Marking
  /** Bytes of both marks. */
  declare readonly overhead: number
  /** Word index of the control block. */
  declare readonly slots: number
  /** Whether the peak is counted here: not where threads count apart what they take from their caches. */
  declare countsPeak: boolean
  /** Medium blocks up to this size have the sizes of cache classes; 0 where nothing is cached. */
  declare roundsTo: number
  declare private readonly pools: readonly RegionAllocator[]
  /** Index of the pool for a payload of i bytes. */
  declare private readonly poolOfPayload: Uint8Array
  /** Index of the pool for a block of 8 * i bytes. */
  declare private readonly poolOfBlock: Uint8Array
  declare private readonly chunkSizes: readonly number[]
  declare private readonly smallMax: number
  declare private readonly largeFrom: number
  declare private readonly medium: Strategy
  declare private readonly large: Strategy
  /** Who knows what was asked for: there the slack is not for use. */
  declare private readonly guarded: GuardedBlocks | null
  /** Whether every block is guarded, by the marks themselves. */
  declare readonly exact: boolean
  /** Blocks whose damage is known. */
  declare readonly reported: Reported

  constructor(space: AddressSpace, control: Address, parts: HeapParts) {
    const { marking, small, medium, large, largeFrom } = parts
    this.memory = space.memory
    this.space = space
    this.parts = parts
    this.marking = marking
    this.overhead = marking.headerBytes + marking.footerBytes
    this.slots = control >>> 2
    this.countsPeak = true
    this.roundsTo = 0
    this.pools = small.map((part) => part.layer)
    this.smallMax = small.at(-1)?.maxPayload ?? 0
    this.largeFrom = largeFrom
    this.medium = medium.layer
    this.large = large.layer
    this.guarded = parts.guard?.blocks ?? null
    this.exact = (this.guarded as object | null) === marking
    const { headerBytes, footerBytes } = marking
    this.reported = new Reported(space.memory, this.slots, headerBytes, (size) =>
      this.exact ? this.blockBytes(size) - headerBytes - size : footerBytes,
    )
    this.chunkSizes = small.map((part) => part.layer.goodSize(part.maxPayload + this.overhead))
    this.poolOfPayload = new Uint8Array(this.smallMax + 1)
    this.poolOfBlock = new Uint8Array(((this.chunkSizes.at(-1) ?? 0) >>> 3) + 1)
    for (let i = 0; i <= this.smallMax; i++) {
      this.poolOfPayload[i] = small.findIndex((part) => i <= part.maxPayload)
    }
    this.chunkSizes.forEach((size, index) => {
      this.poolOfBlock[size >>> 3] = index
    })
  }

  /** @param size - Payload bytes, at least 1. @returns The payload, 0 when there is no room. */
  allocate(size: number): Address {
    let block: Address
    let bytes: number
    let kind: Kind
    if (size <= this.smallMax) {
      const pool = this.poolOfPayload[size]
      bytes = this.chunkSizes[pool]
      block = this.pools[pool].allocate(bytes)
      kind = SMALL
    } else if (size < this.largeFrom) {
      bytes = this.mediumBytes(size)
      block = this.medium.allocate(bytes)
      kind = MEDIUM
    } else {
      bytes = this.large.goodSize(size + this.overhead)
      block = this.large.allocate(bytes)
      kind = LARGE
    }
    if (block === 0) return 0
    this.countIn(bytes, this.exact ? size : bytes - this.overhead)
    return this.marking.mark(block, bytes, kind, size)
  }

  /** @throws `HeapCorruptionError`; then nothing was changed. */
  free(payload: Address): void {
    const { marking } = this
    const block = marking.verify(payload)
    this.release(payload, block, marking.sizeAt(block))
  }

  /** Frees the block of `bytes` bytes around a payload, whose marks were verified. */
  release(payload: Address, block: Address, bytes: number): void {
    const { marking } = this
    const kind = marking.kindAt(block)
    this.countOut(bytes, this.usableOf(payload, block, bytes))
    marking.erase(block)
    switch (kind) {
      case SMALL:
        this.pools[this.poolOfBlock[bytes >>> 3]].deallocate(block, bytes)
        break
      case MEDIUM:
        this.medium.deallocate(block, bytes)
        break
      default:
        this.large.deallocate(block, bytes)
    }
  }

  /** Whether payloads of `size` bytes come from pages that may be known to be zero. */
  zeroesAtSource(size: number): boolean {
    return size >= this.largeFrom && this.large.allocateZeroed !== undefined
  }

  /** Zeroed payload for which {@link Arena.zeroesAtSource} holds: pages known to be zero are not filled again. */
  allocateZeroed(size: number): Address {
    const { large } = this
    const bytes = large.goodSize(size + this.overhead)
    const block = large.allocateZeroed === undefined ? 0 : large.allocateZeroed(bytes)
    if (block === 0) return 0
    this.countIn(bytes, this.exact ? size : bytes - this.overhead)
    return this.marking.mark(block, bytes, LARGE, size)
  }

  /** @param alignment - A power of two above 16. */
  allocateAligned(size: number, alignment: number): Address {
    const { marking, overhead } = this
    // A lead shorter than two headers cannot be marked; in a shorter one than this, what a strategy writes into the block
    // when it is free would wipe out the payload's own header, by which a second free is told. Then the payload moves on
    // by one more alignment.
    const shortest = Math.max(
      2 * marking.headerBytes,
      roundUp(marking.headerBytes + FREE_WORDS_BYTES, 16),
    )
    const wanted = size + alignment + shortest - 16 + overhead
    const kind = wanted - overhead < this.largeFrom ? MEDIUM : LARGE
    if (kind === LARGE && alignment > PAGE_BYTES && this.large.allocateAligned !== undefined)
      return this.mapAligned(size, alignment)
    const strategy = kind === MEDIUM ? this.medium : this.large
    const bytes = strategy.goodSize(wanted)
    const block = strategy.allocate(bytes)
    if (block === 0) return 0
    let payload = Math.ceil((block + marking.headerBytes) / alignment) * alignment
    const lead = payload - marking.headerBytes - block
    if (lead > 0 && lead < shortest) payload += alignment
    this.countIn(bytes, this.exact ? size : block + bytes - marking.footerBytes - payload)
    return marking.markAligned(block, bytes, kind, payload, size)
  }

  /** A mapping of its own in which the second page is the one on the boundary: the first has room for the lead. */
  private mapAligned(size: number, alignment: number): Address {
    const { marking, large } = this
    const before = PAGE_BYTES - marking.phase
    const bytes = large.goodSize(before + size + marking.footerBytes)
    const block = large.allocateAligned?.(bytes, alignment, PAGE_BYTES) ?? 0
    if (block === 0) return 0
    this.countIn(bytes, this.exact ? size : bytes - before - marking.footerBytes)
    return marking.markAligned(block, bytes, LARGE, block + before, size)
  }

  /** Changes the size of a block where it lies. @returns `false` when it must move; then nothing changed. */
  resize(payload: Address, block: Address, size: number): boolean {
    const { marking } = this
    const kind = marking.kindAt(block)
    const oldBytes = marking.sizeAt(block)
    const start = marking.payloadAt(block)
    const end = (bytes: number): Address => block + bytes - marking.footerBytes
    const aligned = start !== block + marking.headerBytes
    if (aligned && (kind !== LARGE || size < this.largeFrom)) {
      const usable = this.usableSize(payload, block)
      return size <= usable && size > usable >>> 1
    }
    if (this.kindOfSize(size) !== kind) return false
    const strategy = this.strategyOf(kind, oldBytes)
    const newBytes = aligned
      ? strategy.goodSize(start - block + size + marking.footerBytes)
      : this.blockBytes(size)
    if (newBytes === oldBytes) return true
    if (kind === SMALL || strategy.resize === undefined) return false
    if (!strategy.resize(block, oldBytes, newBytes)) return false
    this.countOut(oldBytes, end(oldBytes) - start)
    this.countIn(newBytes, end(newBytes) - start)
    this.remark(block, newBytes, kind, start, size)
    return true
  }

  /**
   * Writes the marks of a used block anew. States first what it will write, for a repair to finish it.
   *
   * @param requested - By default all that the payload has room for.
   */
  remark(
    block: Address,
    bytes: number,
    kind: Kind,
    payload: Address,
    requested: number = block + bytes - this.marking.footerBytes - payload,
  ): void {
    const { u32 } = this.memory
    const owner = isOwning(this.marking) ? this.marking.owner : 0
    u32[this.slots + RESIZING_KIND] = (owner << OWNER_SHIFT) | kind
    u32[this.slots + RESIZING_BYTES] = bytes
    u32[this.slots + RESIZING_PAYLOAD] = payload
    u32[this.slots + RESIZING_BLOCK] = block
    this.marking.markAligned(block, bytes, kind, payload, requested)
    u32[this.slots + RESIZING_BLOCK] = 0
  }

  /** Bytes of a payload that its owner may use. */
  usableSize(payload: Address, block: Address): number {
    return this.usableOf(payload, block, this.marking.sizeAt(block))
  }

  /** Whether a block marked as ready is held back by the quarantine of a debugging preset: no thread has it. */
  isHeldBack(block: Address): boolean {
    return this.guarded !== null && this.guarded.requestedAt(block) >= 0
  }

  /** Marks a block that was held back as freed: from now on its bytes are the strategy's. */
  giveUp(block: Address): void {
    this.guarded?.release(block)
  }

  /** Bytes of the block, marks included, that a request of `size` bytes gets. */
  blockBytes(size: number): number {
    if (size <= this.smallMax) return this.chunkSizes[this.poolOfPayload[size]]
    return size < this.largeFrom
      ? this.mediumBytes(size)
      : this.large.goodSize(size + this.overhead)
  }

  /** Takes a bare block for a cache. @returns 0 when there is no room. */
  takeBlock(kind: Kind, bytes: number): Address {
    return this.strategyOf(kind, bytes).allocate(bytes)
  }

  /** Takes a bare block back. */
  giveBlock(kind: Kind, block: Address, bytes: number): void {
    this.strategyOf(kind, bytes).deallocate(block, bytes)
  }

  /** What the counters of the heap say; threads with a cache count apart what is live. */
  counters(): { live: number; blocks: number; unusable: number } {
    const { slots } = this
    const { u32 } = this.memory
    return { live: u32[slots + LIVE], blocks: u32[slots + BLOCKS], unusable: u32[slots + UNUSABLE] }
  }

  /** Usable bytes that a request of `size` bytes gets. */
  goodSize(size: number): number {
    return this.exact ? size : this.blockBytes(size) - this.overhead
  }

  /** Counts a block that is handed out. */
  countIn(bytes: number, usable: number): void {
    const { u32 } = this.memory
    const live = u32[this.slots + LIVE] + usable
    u32[this.slots + LIVE] = live
    if (live > u32[this.slots + PEAK_LIVE] && this.countsPeak) u32[this.slots + PEAK_LIVE] = live
    u32[this.slots + BLOCKS]++
    u32[this.slots + UNUSABLE] += bytes - this.overhead - usable
  }

  /** Counts a block that comes back. */
  countOut(bytes: number, usable: number): void {
    const { u32 } = this.memory
    u32[this.slots + LIVE] -= usable
    u32[this.slots + BLOCKS]--
    u32[this.slots + UNUSABLE] -= bytes - this.overhead - usable
  }

  private kindOfSize(size: number): Kind {
    return size <= this.smallMax ? SMALL : size < this.largeFrom ? MEDIUM : LARGE
  }

  private mediumBytes(size: number): number {
    const bytes = this.medium.goodSize(size + this.overhead)
    return bytes > this.roundsTo ? bytes : this.medium.goodSize(roundUpToClass(bytes))
  }

  private strategyOf(kind: Kind, bytes: number): Strategy {
    switch (kind) {
      case SMALL:
        return this.pools[this.poolOfBlock[bytes >>> 3]]
      case MEDIUM:
        return this.medium
      default:
        return this.large
    }
  }

  private usableOf(payload: Address, block: Address, bytes: number): number {
    const requested = this.guarded === null ? -1 : this.guarded.requestedAt(block)
    return requested >= 0 ? requested : block + bytes - this.marking.footerBytes - payload
  }
}
