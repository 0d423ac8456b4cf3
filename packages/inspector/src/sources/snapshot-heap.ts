/** A heap of a snapshot, as `heap.snapshot()` gave it. */
import { Heap, HeapCorruptionError, type HeapStats, InvariantError } from '@vmalloc/core'
import { mapOfWalk } from '@vmalloc/core/map'
import type { BytesOf, Moment, Source } from './source.ts'

export class SnapshotHeap implements Source {
  readonly live: boolean = false
  readonly title: string
  readonly #file: Uint8Array
  readonly #heap: Heap

  /** @throws `SnapshotError` saying what is wrong with the bytes. */
  constructor(name: string, bytes: Uint8Array) {
    this.title = `Snapshot ${name}`
    this.#file = bytes
    // Nobody else will use it; and without isolation there is no shared memory to restore to.
    this.#heap = Heap.restore(bytes, { shared: false })
  }

  /** Of a damaged heap: what can be walked up to the damage, and what that is. */
  look(): Promise<Moment> {
    let damage: string | undefined
    const noting = <Result>(body: () => Result): Result | undefined => {
      try {
        return body()
      } catch (error) {
        if (!(error instanceof InvariantError || error instanceof HeapCorruptionError)) throw error
        damage ??= error.message
        return undefined
      }
    }
    const heap = this.#heap
    const whole = noting(() => heap.map())
    const columns = whole ?? mapOfWalk((visit) => noting(() => heap.walk(visit)))
    const stats: HeapStats | undefined = noting(() => heap.stats())
    return Promise.resolve({ columns, stats, ...(damage !== undefined && { damage }) })
  }

  readonly bytes: BytesOf = (address, length) =>
    Promise.resolve(this.#heap.memory.u8.slice(address, address + length))

  snapshot(): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(Uint8Array.from(this.#file))
  }
}
