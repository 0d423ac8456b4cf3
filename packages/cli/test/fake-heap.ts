/** A heap of the plainest kind, with switches to make the mistakes that a replay has to notice. */
import type { ReplayHeap } from '../src/replay/heap.ts'

/** One deliberate mistake. */
export type Mistake =
  | 'overlap'
  | 'dirty-calloc'
  | 'lost-copy'
  | 'bad-alignment'
  | 'leak'
  | 'check'
  | 'throwing-free'
  | 'small-usable'
  | 'no-room'

const ALIGNMENT = 16

/** Bump allocation, one free list per size. */
export class FakeHeap implements ReplayHeap {
  readonly memory: { u8: Uint8Array; u32: Uint32Array }
  readonly #mistake: Mistake | undefined
  readonly #sizes: Map<number, number> = new Map()
  readonly #free: Map<number, number[]> = new Map()
  #top = ALIGNMENT
  #live = 0
  #calls = 0

  constructor(bytes: number, mistake?: Mistake) {
    const buffer = new ArrayBuffer(bytes)
    this.memory = { u8: new Uint8Array(buffer), u32: new Uint32Array(buffer) }
    this.#mistake = mistake
  }

  malloc(size: number): number {
    return this.alignedAlloc(size, ALIGNMENT)
  }

  calloc(count: number, size: number): number {
    const address = this.malloc(count * size)
    if (address !== 0) this.memory.u8.fill(0, address, address + count * size)
    if (this.#mistake === 'dirty-calloc' && size > 0) this.memory.u8[address + size - 1] = 1
    return address
  }

  realloc(address: number, size: number): number {
    const old = this.#sizes.get(address) ?? 0
    const moved = this.malloc(size)
    if (moved === 0) return 0
    const kept = Math.min(old, size) - (this.#mistake === 'lost-copy' ? 1 : 0)
    this.memory.u8.copyWithin(moved, address, address + kept)
    if (this.#mistake === 'lost-copy') this.memory.u8[moved + kept] ^= 0xff
    this.free(address)
    return moved
  }

  alignedAlloc(size: number, alignment: number): number {
    this.#calls++
    if (this.#mistake === 'no-room' && this.#calls % 2 === 0) return 0
    const room = Math.ceil(Math.max(size, 1) / ALIGNMENT) * ALIGNMENT
    const reusable = alignment === ALIGNMENT ? this.#free.get(room)?.pop() : undefined
    const start = Math.ceil(this.#top / alignment) * alignment
    let address = reusable ?? start + (this.#mistake === 'bad-alignment' ? 4 : 0)
    if (reusable === undefined) this.#top = start + room
    if (this.#top > this.memory.u8.length) throw new Error('the fake heap is too small')
    if (this.#mistake === 'overlap' && this.#calls === 4) address -= ALIGNMENT
    this.#sizes.set(address, size)
    this.#live += size
    return address
  }

  free(address: number): void {
    const size = this.#sizes.get(address)
    if (size === undefined) throw new Error(`free of ${address}, which is not live`)
    if (this.#mistake === 'throwing-free') throw new Error('free fails')
    this.#sizes.delete(address)
    const room = Math.ceil(Math.max(size, 1) / ALIGNMENT) * ALIGNMENT
    const list = this.#free.get(room) ?? []
    list.push(address)
    this.#free.set(room, list)
    if (this.#mistake !== 'leak') this.#live -= size
  }

  usableSize(address: number): number {
    const size = this.#sizes.get(address) ?? 0
    return this.#mistake === 'small-usable' ? size - 1 : size
  }

  check(): void {
    if (this.#mistake === 'check') throw new Error('a broken invariant')
  }

  stats(): { mapped: number; peakMapped: number; live: number } {
    return { mapped: this.#top, peakMapped: this.#top, live: this.#live }
  }
}
