/**
 * A recorded program, replayed up to any operation.
 *
 * Forwards it replays what lies between. Backwards it begins anew, in a new memory, for one that has grown would
 * be laid out differently: some ten million operations a second need no moments kept in between.
 */
import { Heap } from '@vmalloc/core'
import {
  CALLOC,
  CODE_BITS,
  CODE_MASK,
  FREE,
  MALLOC,
  MEMALIGN,
  REALLOC,
  type Trace,
} from '@vmalloc/trace'
import type { Sample } from '../panels/timeline.ts'
import type { BytesOf, Moment, Source } from './source.ts'

const MAXIMUM_BYTES = 512 * 2 ** 20
/** Moments of the time line. */
const SAMPLES = 500
const CALL_NAMES: Readonly<Record<number, string>> = {
  [MALLOC]: 'malloc',
  [FREE]: 'free',
  [CALLOC]: 'calloc',
  [REALLOC]: 'realloc',
  [MEMALIGN]: 'aligned_alloc',
}

export class TraceHeap implements Source {
  readonly live: boolean = false
  readonly title: string
  readonly trace: Trace
  readonly #empty: Uint8Array
  readonly #addresses: Uint32Array
  /** By payload address. */
  readonly #requested: Map<number, number> = new Map()
  #heap: Heap
  #position = 0

  constructor(trace: Trace) {
    this.trace = trace
    this.title = `Trace ${trace.name}`
    this.#heap = Heap.create({ maximum: MAXIMUM_BYTES })
    this.#empty = this.#heap.snapshot()
    this.#addresses = new Uint32Array(trace.ids)
  }

  /** Operations done. */
  get position(): number {
    return this.#position
  }

  /** The operation done last, in words. */
  get words(): string {
    const at = this.#position - 1
    if (at < 0) return 'before the first call'
    const { op, size, id } = this.trace
    const name = CALL_NAMES[op[at] & CODE_MASK] ?? '?'
    return name === 'free' ? `free of block ${id[at]}` : `${name}(${size[at]}), block ${id[at]}`
  }

  /** Address of the block that the last operation was about; 0 when it is gone. */
  get lastAddress(): number {
    return this.#position === 0 ? 0 : this.#addresses[this.trace.id[this.#position - 1]]
  }

  /** Replays to the moment after so many operations. */
  seek(position: number): void {
    const to = Math.max(0, Math.min(this.trace.operations, Math.floor(position)))
    if (to < this.#position) {
      this.#heap = Heap.restore(this.#empty, { shared: false })
      this.#requested.clear()
      this.#position = 0
    }
    while (this.#position < to) this.#perform(this.#position++)
  }

  look(): Promise<Moment> {
    const columns = this.#heap.map({ requested: (payload) => this.#requested.get(payload) ?? 0 })
    return Promise.resolve({ columns, stats: this.#heap.stats() })
  }

  readonly bytes: BytesOf = (address, length) =>
    Promise.resolve(this.#heap.memory.u8.slice(address, address + length))

  snapshot(): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(Uint8Array.from(this.#heap.snapshot()))
  }

  /** Mapped and live over all operations. Cost: one replay of the trace, and some hundred looks at its figures. */
  course(): Sample[] {
    const { operations, peakAt } = this.trace
    const step = Math.max(1, Math.floor(operations / SAMPLES))
    const moments = new Set([operations, peakAt + 1])
    for (let at = 0; at < operations; at += step) moments.add(at)
    const back = this.#position
    const samples = [...moments]
      .sort((a, b) => a - b)
      .map((at): Sample => {
        this.seek(at)
        const { mapped, live } = this.#heap.stats()
        return { at, mapped, live }
      })
    this.seek(back)
    return samples
  }

  #perform(i: number): void {
    const { op, id, size } = this.trace
    const heap = this.#heap
    const block = id[i]
    const before = this.#addresses[block]
    let address = 0
    switch (op[i] & CODE_MASK) {
      case FREE:
        heap.free(before)
        break
      case CALLOC:
        address = heap.calloc(1, size[i])
        break
      case REALLOC:
        address = heap.realloc(before, size[i])
        break
      case MEMALIGN:
        address = heap.alignedAlloc(size[i], 2 ** (op[i] >>> CODE_BITS))
        break
      default:
        address = heap.malloc(size[i])
    }
    if ((op[i] & CODE_MASK) !== FREE && address === 0) {
      throw new RangeError(`operation ${i}: no room for ${size[i]} bytes in ${MAXIMUM_BYTES}`)
    }
    if (before !== address) this.#requested.delete(before)
    this.#addresses[block] = address
    if (address !== 0) this.#requested.set(address, size[i])
  }
}
