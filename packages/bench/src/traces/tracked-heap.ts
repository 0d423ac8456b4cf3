/**
 * A contender without figures of its own, watched from outside: bytes in use, and how far its blocks ever reached.
 *
 * Reach, the distance from its first block to the end of its highest, is a lower bound of what it holds: neither rounding
 * of its growth nor the 16 MiB that Emscripten programs begin with are held against it.
 */
import type { HeapFigures } from '@vmalloc/cli'
import { ReplayAdapter } from './replay-adapter.ts'

export class TrackedHeap extends ReplayAdapter {
  private readonly sizes: Map<number, number> = new Map()
  private live = 0
  private lowest: number = Number.POSITIVE_INFINITY
  private highest = 0

  override malloc(size: number): number {
    return this.entered(super.malloc(size), size)
  }

  override free(address: number): void {
    this.left(address)
    super.free(address)
  }

  override realloc(address: number, size: number): number {
    const moved = super.realloc(address, size)
    if (moved === 0) return 0
    this.left(address)
    return this.entered(moved, size)
  }

  override alignedAlloc(size: number, alignment: number): number {
    return this.entered(super.alignedAlloc(size, alignment), size)
  }

  override usableSize(address: number): number {
    return this.sizes.get(address) ?? 0
  }

  override stats(): HeapFigures {
    const peakMapped = Math.max(0, this.highest - this.lowest)
    return { mapped: peakMapped, peakMapped, live: this.live }
  }

  private entered(address: number, size: number): number {
    if (address === 0) return 0
    // An inner call may have entered it already, with another size.
    this.left(address)
    this.sizes.set(address, size)
    this.live += size
    this.lowest = Math.min(this.lowest, address)
    this.highest = Math.max(this.highest, address + size)
    return address
  }

  private left(address: number): void {
    this.live -= this.sizes.get(address) ?? 0
    this.sizes.delete(address)
  }
}
