/**
 * A hash map from strings to counts that Workers share: every bucket has a lock of its own, entries and keys are blocks
 * of a shared heap, and whoever removes an entry frees what another thread allocated.
 *
 *     map: | buckets | lock 0 | first 0 | lock 1 | first 1 | ...        entry: | next | key string | hash | count |
 */
import type { Address, Heap } from '@vmalloc/core'

const OPEN = 0
const TAKEN = 1
/** Taken, and somebody may sleep. */
const AWAITED = 2

export class SharedMap {
  readonly #heap: Heap
  /** Address of the map: send it to other threads. */
  readonly address: Address

  private constructor(heap: Heap, address: Address) {
    this.#heap = heap
    this.address = address
  }

  static create(heap: Heap, buckets = 64): SharedMap {
    const address = heap.calloc(1 + 2 * buckets, 4)
    if (address === 0) throw new RangeError('no room for a map')
    heap.memory.u32[address >>> 2] = buckets
    return new SharedMap(heap, address)
  }

  static attach(heap: Heap, address: Address): SharedMap {
    return new SharedMap(heap, address)
  }

  /** Adds to the count of a key. @returns The new count. */
  add(key: string, amount: number): number {
    return this.#inBucket(key, (first, hash) => {
      const found = this.#find(first, hash, key)
      if (found !== 0) {
        const { i32 } = this.#heap.memory
        const slot = (found >>> 2) + 3
        i32[slot] = Number(i32[slot]) + amount
        return Number(i32[slot])
      }
      const entry = this.#heap.malloc(16)
      const text = this.#heap.allocString(key)
      if (entry === 0 || text === 0) throw new RangeError('no room for an entry')
      const { u32 } = this.#heap.memory
      u32.set([Number(u32[first]), text, hash, amount], entry >>> 2)
      u32[first] = entry
      return amount
    })
  }

  /** @returns Whether the key was there. */
  delete(key: string): boolean {
    return this.#inBucket(key, (first, hash) => {
      const { u32 } = this.#heap.memory
      const found = this.#find(first, hash, key)
      if (found === 0) return false
      let link = first
      while (u32[link] !== found) link = Number(u32[link]) >>> 2
      u32[link] = Number(u32[found >>> 2])
      this.#heap.free(Number(u32[(found >>> 2) + 1]))
      this.#heap.free(found)
      return true
    })
  }

  get(key: string): number {
    return this.#inBucket(key, (first, hash) => {
      const found = this.#find(first, hash, key)
      return found === 0 ? 0 : Number(this.#heap.memory.i32[(found >>> 2) + 3])
    })
  }

  /** All entries; other threads should be at rest. */
  *entries(): Generator<[string, number]> {
    const buckets = Number(this.#heap.memory.u32[this.address >>> 2])
    for (let bucket = 0; bucket < buckets; bucket++) {
      let entry = Number(this.#heap.memory.u32[(this.address >>> 2) + 2 + 2 * bucket])
      while (entry !== 0) {
        const [next, text, , count] = this.#heap.memory.u32.subarray(entry >>> 2, (entry >>> 2) + 4)
        yield [this.#heap.readString(Number(text)), Number(count)]
        entry = Number(next)
      }
    }
  }

  /** @param step - Gets the word index of the bucket's first entry, and the hash of the key. */
  #inBucket<Result>(key: string, step: (first: number, hash: number) => Result): Result {
    const { i32, u32 } = this.#heap.memory
    const hash = hashOf(key)
    const lock = (this.address >>> 2) + 1 + 2 * (hash % Number(u32[this.address >>> 2]))
    if (Atomics.compareExchange(i32, lock, OPEN, TAKEN) !== OPEN) {
      while (Atomics.exchange(i32, lock, AWAITED) !== OPEN) Atomics.wait(i32, lock, AWAITED)
    }
    try {
      return step(lock + 1, hash)
    } finally {
      if (Atomics.exchange(i32, lock, OPEN) === AWAITED) Atomics.notify(i32, lock, 1)
    }
  }

  #find(first: number, hash: number, key: string): Address {
    const { u32 } = this.#heap.memory
    let entry = Number(u32[first])
    while (entry !== 0) {
      const slot = entry >>> 2
      if (u32[slot + 2] === hash && this.#heap.readString(Number(u32[slot + 1])) === key)
        return entry
      entry = Number(u32[slot])
    }
    return 0
  }
}

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
