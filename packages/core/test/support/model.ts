/**
 * A heap against a model of it: the model knows which bytes belong to whom and what they hold, the heap must agree.
 *
 * A program is a list of operations without addresses; they name live blocks by an index that is taken modulo their
 * number, so that every part of a program is a program, and a failing one can be cut down.
 */

import { ShadowModel } from '@vmalloc/conformance'
import type { Address, Heap } from '@vmalloc/core'
import { damage, fill } from './tools.ts'

export type Operation =
  | { readonly op: 'malloc'; readonly size: number }
  | { readonly op: 'calloc'; readonly count: number; readonly size: number }
  | { readonly op: 'aligned'; readonly size: number; readonly power: number }
  | { readonly op: 'realloc'; readonly index: number; readonly size: number }
  | { readonly op: 'free'; readonly index: number }
  | { readonly op: 'freeTwice'; readonly index: number }
  | { readonly op: 'freeInside'; readonly index: number; readonly offset: number }

interface Block {
  readonly address: Address
  readonly size: number
  readonly usable: number
  readonly cookie: number
}

const MEMORY_BYTES = 2 ** 32 - 4096

/** Runs operations on a heap and keeps what must be true of it. Each method throws when it is not. */
export class HeapModel {
  readonly #heap: Heap
  readonly #shadow = new ShadowModel()
  readonly #live: Block[] = []
  #cookie = 1

  constructor(heap: Heap) {
    this.#heap = heap
    this.#shadow.grant(4096, MEMORY_BYTES)
  }

  get liveBlocks(): number {
    return this.#live.length
  }

  apply(operation: Operation): void {
    const heap = this.#heap
    switch (operation.op) {
      case 'malloc':
        this.#enter(heap.malloc(operation.size), operation.size)
        break
      case 'calloc':
        this.#callocZeroed(operation.count, operation.size)
        break
      case 'aligned': {
        const alignment = 2 ** operation.power
        const address = heap.alignedAlloc(operation.size, alignment)
        if (address % alignment !== 0) throw new Error(`${address} is not aligned to ${alignment}`)
        this.#enter(address, operation.size)
        break
      }
      case 'realloc':
        this.#realloc(operation.index, operation.size)
        break
      case 'free':
        this.#free(operation.index)
        break
      case 'freeTwice':
        this.#freeTwice(operation.index)
        break
      case 'freeInside':
        this.#freeInside(operation.index, operation.offset)
    }
  }

  /** Verifies all contents, the figures, and the heap's own invariants. */
  verify(): void {
    const heap = this.#heap
    heap.check()
    for (const block of this.#live) this.#verifyContent(block, block.usable)
    const used = new Map(this.#live.map((block) => [block.address, block.usable]))
    heap.walk(({ address, size, state }) => {
      if (state !== 'used') return
      if (used.get(address) !== size) throw new Error(`walked a block nobody has: ${address}`)
      used.delete(address)
    })
    if (used.size > 0) throw new Error(`the walk missed ${[...used.keys()].join(', ')}`)
    const { blocks } = heap.stats()
    if (blocks !== this.#live.length) throw new Error(`${blocks} blocks counted`)
  }

  /** Frees everything and verifies that nothing is left. */
  finish(): void {
    while (this.#live.length > 0) this.#free(this.#live.length >> 1)
    this.verify()
    const { live } = this.#heap.stats()
    if (live !== 0) throw new Error(`${live} bytes live after all was freed`)
  }

  #enter(address: Address, size: number): void {
    if (address === 0) return
    if (address % 16 !== 0) throw new Error(`${address} is not a multiple of 16`)
    const usable = this.#heap.usableSize(address)
    if (usable < size) throw new Error(`${usable} usable bytes for a request of ${size}`)
    this.#shadow.allocate(address, usable)
    const cookie = this.#cookie++ << 12
    fill(this.#heap, address, usable, cookie)
    this.#live.push({ address, size, usable, cookie })
  }

  #callocZeroed(count: number, size: number): void {
    const address = this.#heap.calloc(count, size)
    if (address === 0) return
    const { u8 } = this.#heap.memory
    for (let i = address; i < address + count * size; i++) {
      if (u8[i] !== 0) throw new Error(`calloc left ${u8[i]} at ${i}`)
    }
    this.#enter(address, count * size)
  }

  #realloc(index: number, size: number): void {
    const block = this.#take(index)
    if (block === undefined) return
    const address = this.#heap.realloc(block.address, size)
    if (address === 0 && size > 0) {
      this.#live.push(block)
      this.#verifyContent(block, block.usable)
      return
    }
    this.#shadow.deallocate(block.address, block.usable)
    if (address === 0) return
    const kept = Math.min(block.usable, size) & ~3
    this.#verifyContent({ ...block, address }, kept)
    this.#enter(address, size)
  }

  #free(index: number): void {
    const block = this.#take(index)
    if (block === undefined) return
    this.#verifyContent(block, block.usable)
    this.#heap.free(block.address)
    this.#shadow.deallocate(block.address, block.usable)
  }

  #freeTwice(index: number): void {
    const block = this.#live[index % this.#live.length]
    this.#free(index)
    if (block !== undefined) this.#mustRefuse(block.address)
  }

  /** Contents are words of a pattern, never marks: no block can begin inside a payload. */
  #freeInside(index: number, offset: number): void {
    const block = this.#live[index % this.#live.length]
    if (block === undefined) return
    this.#mustRefuse(block.address + 1 + (offset % (block.usable - 1)))
  }

  #mustRefuse(address: Address): void {
    try {
      this.#heap.free(address)
    } catch (error) {
      if ((error as Error).name === 'HeapCorruptionError') return
      throw error
    }
    throw new Error(`free(${address}) was accepted`)
  }

  #take(index: number): Block | undefined {
    return this.#live.length === 0 ? undefined : this.#live.splice(index % this.#live.length, 1)[0]
  }

  #verifyContent({ address, cookie }: Block, size: number): void {
    const offset = damage(this.#heap, address, size, cookie)
    if (offset >= 0) throw new Error(`byte ${offset} of the block at ${address} changed`)
  }
}
