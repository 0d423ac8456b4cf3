/**
 * Runs operations on a heap beside a model that knows which bytes belong to whom and what they hold. Every method throws
 * when the heap does not agree.
 */
import { type Address, Heap, HeapCorruptionError } from '@vmalloc/core'
import type { Operation } from './program.ts'

/**
 * A refusal is right only if, with the request, more than this part of the memory would be in use: below it neither
 * marks, rounded sizes and pages that pools keep, nor gaps between blocks explain it.
 */
const FULL = 1 / 4

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
  readonly #maximum: number
  #cookie = 1

  /** @param maximum - Bytes of memory that the heap may have. */
  constructor(heap: Heap, shared: boolean, maximum: number) {
    this.#heap = heap
    this.#maximum = maximum
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
        for (let i = address; address !== 0 && i < address + bytes; i++)
          if (u8[i] !== 0) throw new Error(`calloc left ${u8[i]} at ${i}`)
        this.#enter(address, bytes)
        break
      }
      case 'aligned': {
        const address = heap.alignedAlloc(operation.size, operation.alignment)
        if (address % operation.alignment !== 0) throw new Error(`${address} is not aligned`)
        this.#enter(address, operation.size, operation.alignment)
        break
      }
      case 'allocMany':
        this.#allocMany(operation.count, operation.size)
        break
      case 'freeMany':
        this.#freeMany(operation.index, operation.count)
        break
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
      case 'trim':
        if (!(heap.trim() >= 0)) throw new Error('trim has no answer')
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

  #enter(address: Address, size: number, alignment = 0): void {
    if (address === 0) {
      this.#mayRefuse(size + alignment)
      return
    }
    const heap = this.#turn
    if (address % 16 !== 0) throw new Error(`${address} is not a multiple of 16`)
    const usable = heap.usableSize(address)
    if (usable < size) throw new Error(`${usable} usable bytes for a request of ${size}`)
    const block = { address, size: usable, cookie: this.#cookie }
    this.#cookie = (this.#cookie * 5 + 1) >>> 0
    this.#fill(block)
    this.#live.push(block)
  }

  #mayRefuse(bytes: number): void {
    const used = this.#live.reduce((sum, { size }) => sum + size, 0)
    if (used + bytes <= this.#maximum * FULL)
      throw new Error(`${bytes} bytes were refused while ${used} of ${this.#maximum} are in use`)
  }

  /** An overlap with another block shows in the contents of one of them. */
  #fill({ address, size, cookie }: Live): void {
    const { u8, u32 } = this.#turn.memory
    const words = size >>> 2
    for (let i = 0; i < words; i++) u32[(address >>> 2) + i] = cookie + i
    for (let i = words * 4; i < size; i++) u8[address + i] = cookie + i
  }

  /** The first `length` bytes of a block; of one that was moved, `address` is the new one, and `size` the old. */
  #verify(block: Live, length: number): void {
    const { address, cookie } = block
    const { u8, u32 } = this.#turn.memory
    const words = length >>> 2
    for (let i = 0; i < words; i++)
      if (u32[(address >>> 2) + i] !== (cookie + i) >>> 0)
        throw new Error(`word ${i} of the block at ${address} changed`)
    for (let i = words * 4; i < length; i++)
      if (u8[address + i] !== byteOf(block, i))
        throw new Error(`byte ${i} of the block at ${address} changed`)
  }

  #allocMany(count: number, size: number): void {
    const addresses = new Uint32Array(count)
    const all = this.#turn.allocMany(size, addresses)
    if (addresses.some((address) => (address !== 0) !== all))
      throw new Error('allocMany gave a part of the blocks')
    if (!all) this.#mayRefuse(count * size)
    else for (const address of addresses) this.#enter(address, size)
  }

  #freeMany(index: number, count: number): void {
    const addresses: Address[] = []
    for (let i = 0; i < count; i++) {
      const block = this.#take(index)
      if (block === undefined) break
      this.#verify(block, block.size)
      addresses.push(block.address)
    }
    this.#turn.freeMany(addresses)
  }

  #string(text: string): void {
    const address = this.#turn.allocString(text)
    if (address !== 0 && this.#turn.readString(address) !== text)
      throw new Error('the string is another one')
    this.#enter(address, text.length + 1)
  }

  #realloc(index: number, size: number): void {
    const block = this.#take(index)
    if (block === undefined) return
    const address = this.#turn.realloc(block.address, size)
    if (address === 0) {
      if (size === 0) return
      this.#live.push(block)
      this.#mayRefuse(size)
      return
    }
    this.#verify({ ...block, address }, Math.min(block.size, size))
    this.#enter(address, size)
  }

  #dup(index: number): void {
    const block = this.#at(index)
    if (block === undefined) return
    const copy = this.#turn.dup(block.address)
    if (copy !== 0) this.#verify({ ...block, address: copy }, block.size)
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

/** What the byte `index` of a block was filled with: whole words count up, the bytes behind the last one count too. */
function byteOf({ size, cookie }: Live, index: number): number {
  const whole = index < (size & ~3)
  return (whole ? ((cookie + (index >>> 2)) >>> 0) >>> (8 * (index & 3)) : cookie + index) & 255
}
