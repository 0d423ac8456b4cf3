/**
 * A linked list that any thread pushes to and any thread takes, without a lock: nodes are blocks of a shared heap, and
 * the head is swapped atomically. Taking takes all, so no thread ever looks at a node that another one may free.
 *
 *     list: | head |        node: | next | value |
 */
import type { Address, Heap } from '@vmalloc/core'

export class SharedList {
  readonly #heap: Heap
  /** Address of the list: send it to other threads. */
  readonly address: Address

  /** @param address - A list of another thread; a new one when it is left out. */
  constructor(heap: Heap, address: Address = heap.calloc(1, 4)) {
    if (address === 0) throw new RangeError('no room for a list')
    this.#heap = heap
    this.address = address
  }

  push(value: number): void {
    const node = this.#heap.malloc(8)
    if (node === 0) throw new RangeError('no room for a node')
    const { i32, u32 } = this.#heap.memory
    const head = this.address >>> 2
    u32[(node >>> 2) + 1] = value
    for (;;) {
      const first = Atomics.load(i32, head)
      i32[node >>> 2] = first
      // The exchange also publishes the two words of the node.
      if (Atomics.compareExchange(i32, head, first, node | 0) === first) return
    }
  }

  /** Empties the list. @returns Its values, the last one pushed first. */
  takeAll(): number[] {
    const values: number[] = []
    let node = Atomics.exchange(this.#heap.memory.i32, this.address >>> 2, 0) >>> 0
    while (node !== 0) {
      const { u32 } = this.#heap.memory
      const next = Number(u32[node >>> 2])
      values.push(Number(u32[(node >>> 2) + 1]))
      this.#heap.free(node)
      node = next
    }
    return values
  }
}
