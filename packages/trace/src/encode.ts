/** {@link Trace} to bytes, and a writer that takes calls one by one. */
import {
  CALLOC,
  CODE_BITS,
  CODE_MASK,
  columnOffsets,
  FIELD,
  FLAG_CUT,
  FREE,
  isBirth,
  leadingBirths,
  MAGIC,
  MALLOC,
  MAX_THREADS,
  MEMALIGN,
  REALLOC,
  type Trace,
} from './format.ts'
import { scan } from './scan.ts'

const FIRST_CAPACITY = 1024
const MAX_SIZE = 2 ** 32 - 1

/** @returns The uncompressed bytes of a trace; `decodeTrace` gives the trace back. */
export function encodeTrace(trace: Trace): Uint8Array {
  const { operations, op, thread, id, size } = trace
  const offsets = columnOffsets(operations)
  const bytes = new Uint8Array(offsets.end)
  const view = new DataView(bytes.buffer)
  const field = (offset: number, value: number): void => view.setUint32(offset, value, true)
  field(FIELD.magic, MAGIC)
  field(FIELD.operations, operations)
  field(FIELD.ids, trace.ids)
  field(FIELD.threads, trace.threads)
  field(FIELD.liveAtEnd, trace.liveAtEnd)
  field(FIELD.flags, trace.cut ? FLAG_CUT : 0)
  field(FIELD.peakLow, trace.peakLive % 2 ** 32)
  field(FIELD.peakHigh, Math.floor(trace.peakLive / 2 ** 32))
  field(FIELD.peakBlocks, trace.peakBlocks)
  field(FIELD.prologue, trace.prologue)
  bytes.set(op, offsets.op)
  bytes.set(thread, offsets.thread)
  let born = 0
  for (let i = 0; i < operations; i++) {
    const birth = isBirth(op[i] & CODE_MASK)
    field(offsets.reference + 4 * i, birth ? 0 : born - id[i])
    field(offsets.size + 4 * i, size[i])
    if (birth) born++
  }
  return bytes
}

/** Builds a trace call by call, in the order in which the calls took effect. */
export class TraceWriter {
  #count = 0
  #ids = 0
  #threads = 1
  #op: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  #thread: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  #id: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  #size: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  readonly #live: Set<number> = new Set()

  /** Operations written so far. */
  get operations(): number {
    return this.#count
  }

  /** @returns The id of the new block. */
  malloc(size: number, thread = 0): number {
    return this.#birth(MALLOC, size, thread)
  }

  /** @param size - Bytes in all: count times element size. */
  calloc(size: number, thread = 0): number {
    return this.#birth(CALLOC, size, thread)
  }

  /** @param alignment - A power of two, at most 2^31. */
  memalign(size: number, alignment: number, thread = 0): number {
    const log2 = 31 - Math.clz32(alignment)
    if (alignment < 1 || alignment !== 2 ** log2) {
      throw new RangeError(`alignment is ${alignment}: a power of two up to 2^31 is needed`)
    }
    return this.#birth(MEMALIGN | (log2 << CODE_BITS), size, thread)
  }

  /** A size of 0 frees, as in C, and is written as a free. */
  realloc(id: number, size: number, thread = 0): void {
    if (size === 0) {
      this.free(id, thread)
      return
    }
    this.#requireLive(id)
    this.#push(REALLOC, id, size, thread)
  }

  free(id: number, thread = 0): void {
    this.#requireLive(id)
    this.#push(FREE, id, 0, thread)
    this.#live.delete(id)
  }

  /**
   * @param options.cut - The program went on after the last call written.
   * @param options.prologue - So many births at the start only rebuild a heap that was already live.
   * @returns The trace so far; the writer may go on afterwards.
   */
  finish(
    name = 'trace',
    options: { readonly cut?: boolean; readonly prologue?: number } = {},
  ): Trace {
    const columns = {
      operations: this.#count,
      ids: this.#ids,
      threads: this.#threads,
      op: this.#op.slice(0, this.#count),
      thread: this.#thread.slice(0, this.#count),
      id: this.#id.slice(0, this.#count),
      size: this.#size.slice(0, this.#count),
    }
    const { cut = false, prologue = 0 } = options
    const births = leadingBirths(columns.op)
    if (!Number.isInteger(prologue) || prologue < 0 || prologue > births) {
      throw new RangeError(`prologue is ${prologue}: the trace begins with ${births} births`)
    }
    return { name, ...columns, ...scan(columns), cut, prologue }
  }

  #birth(op: number, size: number, thread: number): number {
    const id = this.#ids
    this.#push(op, id, size, thread)
    this.#ids++
    this.#live.add(id)
    return id
  }

  #requireLive(id: number): void {
    if (!this.#live.has(id)) throw new RangeError(`block ${id} is not live`)
  }

  #push(op: number, id: number, size: number, thread: number): void {
    if (!Number.isInteger(size) || size < 0 || size > MAX_SIZE) {
      throw new RangeError(`size is ${size}: an integer from 0 to 2^32 - 1 is needed`)
    }
    if (!Number.isInteger(thread) || thread < 0 || thread >= MAX_THREADS) {
      throw new RangeError(`thread is ${thread}: an integer from 0 to ${MAX_THREADS - 1} is needed`)
    }
    if (this.#count === this.#op.length) this.#grow()
    const i = this.#count++
    this.#op[i] = op
    this.#thread[i] = thread
    this.#id[i] = id
    this.#size[i] = size
    if (thread >= this.#threads) this.#threads = thread + 1
  }

  #grow(): void {
    const capacity = 2 * this.#op.length
    const widen = <T extends Uint8Array | Uint32Array>(wide: T, old: T): T => {
      wide.set(old)
      return wide
    }
    this.#op = widen(new Uint8Array(capacity), this.#op)
    this.#thread = widen(new Uint8Array(capacity), this.#thread)
    this.#id = widen(new Uint32Array(capacity), this.#id)
    this.#size = widen(new Uint32Array(capacity), this.#size)
  }
}
