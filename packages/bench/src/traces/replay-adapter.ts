/**
 * What a program does with an allocator that lacks a part of the malloc family: copies for `realloc`, fills for `calloc`,
 * allocates more for an alignment. Contenders that have it use their own.
 */
import type { HeapFigures, HeapViews, ReplayHeap } from '@vmalloc/cli'
import type { BenchHeap, Opened } from '../contenders/contender.ts'

const PLAIN_ALIGNMENT = 8

export class ReplayAdapter implements ReplayHeap {
  protected readonly raw: BenchHeap
  private readonly opened: Opened
  private readonly hasRealloc: boolean
  /** Over-aligned address -> address of the block around it. Most traces have none. */
  private readonly aligned: Map<number, number> = new Map()

  constructor(opened: Opened) {
    this.raw = opened.heap
    this.opened = opened
    this.hasRealloc = opened.heap.realloc !== undefined
  }

  malloc(size: number): number {
    // Some contenders give no block for 0 bytes; a recorded program was given one.
    return this.raw.malloc(size === 0 ? 1 : size)
  }

  free(address: number): void {
    this.raw.free(this.aligned.size === 0 ? address : this.unaligned(address))
  }

  calloc(count: number, size: number): number {
    const bytes = count * size
    const address = this.malloc(bytes)
    if (address !== 0) this.opened.bytes?.().fill(0, address, address + bytes)
    return address
  }

  realloc(address: number, size: number): number {
    const own = this.hasRealloc && !this.aligned.has(address)
    return own && this.raw.realloc ? this.raw.realloc(address, size) : this.moved(address, size)
  }

  alignedAlloc(size: number, alignment: number): number {
    if (alignment <= PLAIN_ALIGNMENT) return this.malloc(size)
    const block = this.raw.malloc(size + alignment)
    if (block === 0) return 0
    const address = Math.ceil(block / alignment) * alignment
    if (address !== block) this.aligned.set(address, block)
    return address
  }

  usableSize(address: number): number {
    const { usable } = this.opened
    if (usable === undefined) throw new Error('this contender does not tell the size of a block')
    const block = this.aligned.get(address) ?? address
    return usable(block) - (address - block)
  }

  check(): void {
    // Nothing to ask: only our heaps check themselves, and those are replayed without this adapter.
  }

  stats(): HeapFigures {
    throw new Error('this contender has no figures; use TrackedHeap')
  }

  get memory(): HeapViews {
    const u8 = this.opened.bytes?.() ?? new Uint8Array()
    return { u8, u32: new Uint32Array(u8.buffer) }
  }

  private unaligned(address: number): number {
    const block = this.aligned.get(address)
    if (block === undefined) return address
    this.aligned.delete(address)
    return block
  }

  private moved(address: number, size: number): number {
    const fresh = this.malloc(size)
    const bytes = this.opened.bytes?.()
    if (fresh === 0) return 0
    if (bytes !== undefined) {
      bytes.copyWithin(fresh, address, address + Math.min(size, this.usableSize(address)))
    }
    this.free(address)
    return fresh
  }
}
