/**
 * Runs operations on a heap beside a model that knows which bytes belong to whom and what they hold. Every method throws
 * when the heap does not agree.
 */
import { type Address, Heap, HeapCorruptionError } from '@vmalloc/core'
import type { Operation } from './program.ts'

interface Live {
  readonly address: Address
  readonly size: number
  readonly cookie: number
}

export class Machine {
  readonly #heap: Heap
  /** The handle whose turn it is: of a shared heap there are two. */
  #turn: Heap
  readonly #other: Heap
  readonly #live: Live[] = []
  #cookie = 1

  constructor(heap: Heap, shared: boolean) {
    this.#heap = heap
    this.#turn = heap
    this.#other = shared ? Heap.attach(heap.handle) : heap
  }

  get live(): number {
    return this.#live.length
  }

  apply(operation: Operation): void {
    const heap = this.#turn
    switch (operation.op) {
      case 'malloc':
        this.#enter(heap.malloc(operation.size), operation.size)
        break
      case 'tryMalloc':
        this.#enter(heap.tryMalloc(operation.size), operation.size)
        break
      case 'string':
        this.#string('x'.repeat(operation.size))
        break
      case 'block': {
        const block = heap.block(operation.size)
        if (block.view(Uint8Array).length < operation.size) throw new Error('the view is too short')
        block[Symbol.dispose]()
        break
      }
      case 'calloc': {
        const bytes = operation.count * operation.size
        const address = heap.calloc(operation.count, operation.size)
        const { u8 } = heap.memory
        for (let i = address; i < address + bytes; i++)
          if (u8[i] !== 0) throw new Error(`calloc left ${u8[i]} at ${i}`)
        this.#enter(address, bytes)
        break
      }
      case 'aligned': {
        const address = heap.alignedAlloc(operation.size, operation.alignment)
        if (address % operation.alignment !== 0) throw new Error(`${address} is not aligned`)
        this.#enter(address, operation.size)
        break
      }
      case 'realloc':
        this.#realloc(operation.index, operation.size)
        break
      case 'free':
        this.#free(operation.index)
        break
      case 'freeTwice': {
        const block = this.#at(operation.index)
        this.#free(operation.index)
        if (block !== undefined) this.#mustRefuse(block.address, 'DOUBLE_FREE')
        break
      }
      case 'freeInside': {
        const block = this.#at(operation.index)
        if (block !== undefined && block.size > 1) {
          const offset = 1 + (operation.offset % (block.size - 1))
          this.#mustRefuse(block.address + offset, 'INVALID_POINTER')
        }
        break
      }
      case 'dup':
        this.#dup(operation.index)
        break
      case 'look': {
        const block = this.#at(operation.index)
        if (block !== undefined) this.#verify(block, block.size)
        break
      }
      case 'freeAll':
        if (heap.freeAll() !== this.#live.length) throw new Error('freeAll freed another number')
        this.#live.length = 0
        break
      case 'other':
        this.#turn = heap === this.#heap ? this.#other : this.#heap
        break
      case 'check':
        this.verify()
    }
  }

  /** The heap's own invariants, its list of blocks, and all contents. */
  verify(): void {
    this.#turn.check()
    const left = new Map(this.#live.map((block) => [block.address, block]))
    for (const { address, size } of this.#turn.leaks()) {
      const block = left.get(address)
      if (block === undefined) throw new Error(`a block nobody has: ${address}`)
      if (size < block.size) throw new Error(`${size} bytes for a request of ${block.size}`)
      left.delete(address)
    }
    if (left.size > 0) throw new Error(`blocks are missing: ${[...left.keys()].join(', ')}`)
    for (const block of this.#live) this.#verify(block, block.size)
  }

  /** Frees everything; nothing may be left. */
  finish(): void {
    while (this.#live.length > 0) this.#free(this.#live.length >> 1)
    this.verify()
    const { live, blocks } = this.#heap.stats()
    if (live !== 0 || blocks !== 0) throw new Error(`${live} bytes, ${blocks} blocks are left`)
  }

  #enter(address: Address, size: number): void {
    if (address === 0) return
    const heap = this.#turn
    if (address % 16 !== 0) throw new Error(`${address} is not a multiple of 16`)
    const usable = heap.usableSize(address)
    if (usable < size) throw new Error(`${usable} usable bytes for a request of ${size}`)
    const block = { address, size: usable, cookie: this.#cookie }
    this.#cookie = (this.#cookie * 5 + 1) >>> 0
    this.#fill(block)
    this.#live.push(block)
  }

  /** An overlap with another block shows in the contents of one of them. */
  #fill({ address, size, cookie }: Live): void {
    const { u8, u32 } = this.#turn.memory
    const words = size >>> 2
    for (let i = 0; i < words; i++) u32[(address >>> 2) + i] = cookie + i
    for (let i = words * 4; i < size; i++) u8[address + i] = cookie + i
  }

  #verify({ address, cookie }: Live, size: number): void {
    const { u8, u32 } = this.#turn.memory
    const words = size >>> 2
    for (let i = 0; i < words; i++)
      if (u32[(address >>> 2) + i] !== (cookie + i) >>> 0)
        throw new Error(`word ${i} of the block at ${address} changed`)
    for (let i = words * 4; i < size; i++)
      if (u8[address + i] !== ((cookie + i) & 255))
        throw new Error(`byte ${i} of the block at ${address} changed`)
  }

  #string(text: string): void {
    const address = this.#turn.allocString(text)
    if (address === 0) return
    if (this.#turn.readString(address) !== text) throw new Error('the string is another one')
    this.#enter(address, text.length + 1)
  }

  #realloc(index: number, size: number): void {
    const block = this.#take(index)
    if (block === undefined) return
    const address = this.#turn.realloc(block.address, size)
    if (address === 0) {
      if (size > 0) this.#live.push(block)
      return
    }
    // The pattern counts words from the start of the block: a part of the last word may be cut off.
    this.#verify({ ...block, address }, Math.min(block.size, size) & ~3)
    this.#enter(address, size)
  }

  #dup(index: number): void {
    const block = this.#at(index)
    if (block === undefined) return
    const copy = this.#turn.dup(block.address)
    if (copy === 0) return
    this.#verify({ ...block, address: copy }, block.size)
    this.#enter(copy, block.size)
  }

  #free(index: number): void {
    const block = this.#take(index)
    if (block === undefined) return
    this.#verify(block, block.size)
    this.#turn.free(block.address)
  }

  #mustRefuse(address: Address, code: string): void {
    try {
      this.#turn.free(address)
    } catch (error) {
      if (error instanceof HeapCorruptionError && error.code === code) return
      throw error
    }
    throw new Error(`free(${address}) was accepted, not ${code}`)
  }

  #at(index: number): Live | undefined {
    return this.#live.length === 0 ? undefined : this.#live[index % this.#live.length]
  }

  /** The last one takes the place of the one that is taken: a list of thousands stays fast. */
  #take(index: number): Live | undefined {
    const { length } = this.#live
    if (length === 0) return undefined
    const taken = this.#live[index % length]
    const last = this.#live.pop() as Live
    if (last !== taken) this.#live[index % length] = last
    return taken
  }
}
