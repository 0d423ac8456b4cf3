/** A heap of a snapshot, as `heap.snapshot()` gave it. */
import { Heap } from '@vmalloc/core'
import type { Moment, Source } from './source.ts'

export class SnapshotHeap implements Source {
  readonly live: boolean = false
  readonly title: string
  readonly #heap: Heap

  /** @throws `SnapshotError` saying what is wrong with the bytes. */
  constructor(name: string, bytes: Uint8Array) {
    this.title = `Snapshot ${name}`
    // Nobody else will use it; and without isolation there is no shared memory to restore to.
    this.#heap = Heap.restore(bytes, { shared: false })
  }

  look(): Promise<Moment> {
    return Promise.resolve({ columns: this.#heap.map(), stats: this.#heap.stats() })
  }

  bytes(address: number, length: number): Uint8Array {
    return this.#heap.memory.u8.slice(address, address + length)
  }

  close(): void {}
}
