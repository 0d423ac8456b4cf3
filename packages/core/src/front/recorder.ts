/**
 * Recording one's own program: every call of the family on one handle, as an MTR1 trace that `vmalloc replay` and the
 * benchmarks read.
 *
 * - Blocks in use when recording begins become the trace's prologue.
 * - Only this handle is recorded. What other threads free is found out when the address comes up again; a block that
 *   another thread allocated and this one frees is left out, as the format asks.
 */
import { type Address, textOf } from '@vmalloc/memory'
import { encodeTrace, type Trace, TraceWriter } from '@vmalloc/trace'
import { type BatchFamily, type Family, interpose } from './interpose.ts'

/** A recording that goes on until it is stopped. */
export class Recorder {
  readonly #writer: TraceWriter = new TraceWriter()
  readonly #ids: Map<Address, number> = new Map()
  readonly #prologue: number
  readonly #restore: () => void
  /** Calls that run inside another one: only the outer counts. */
  #depth = 0
  #recording = true

  /**
   * @internal Recorders come from `heap.record`.
   * @param live - Blocks in use now.
   */
  constructor(
    heap: BatchFamily,
    live: readonly { readonly address: Address; readonly size: number }[],
  ) {
    for (const { address, size } of live) this.#ids.set(address, this.#writer.malloc(size))
    this.#prologue = live.length
    this.#restore = interpose(heap, (before) => this.#wrap(before))
  }

  /** Calls recorded so far, the prologue's included. */
  get operations(): number {
    return this.#writer.operations
  }

  /** Whether calls are still being recorded. */
  get recording(): boolean {
    return this.#recording
  }

  /**
   * Ends the recording; a second time does nothing. Recorders of one handle end in the reverse order of their start.
   *
   * @throws Error when one that was started later still records; then this one goes on too.
   */
  stop(): void {
    if (!this.#recording) return
    this.#restore()
    this.#recording = false
  }

  /**
   * What was recorded, whether it goes on or not.
   *
   * @param name - Short name for people.
   * @throws TypeError when `name` is no string.
   */
  trace(name = 'recording'): Trace {
    if (typeof name !== 'string')
      throw new TypeError(`name is ${textOf(name)}: it must be a string`)
    return this.#writer.finish(name, { cut: true, prologue: this.#prologue })
  }

  /** Ends the recording. @returns The bytes of an `.mtr` file, about 10 for each call. @throws As {@link Recorder.stop}. */
  finish(): Uint8Array {
    this.stop()
    return encodeTrace(this.trace())
  }

  /** The end of a `using` declaration: {@link Recorder.stop}. */
  [Symbol.dispose](): void {
    this.stop()
  }

  #wrap(before: Family): Family {
    const outermost = <Result>(call: () => Result, note: (result: Result) => void): Result => {
      this.#depth++
      let result: Result
      try {
        result = call()
      } finally {
        this.#depth--
      }
      if (this.#depth === 0 && this.#recording) note(result)
      return result
    }
    return {
      malloc: (size) =>
        outermost(
          () => before.malloc(size),
          (address) => this.#born(address, () => this.#writer.malloc(size)),
        ),
      calloc: (count, size) =>
        outermost(
          () => before.calloc(count, size),
          (address) => this.#born(address, () => this.#writer.calloc(count * size)),
        ),
      alignedAlloc: (size, alignment) =>
        outermost(
          () => before.alignedAlloc(size, alignment),
          (address) => this.#born(address, () => this.#writer.memalign(size, alignment)),
        ),
      free: (address) =>
        outermost(
          () => before.free(address),
          () => this.#died(address),
        ),
      realloc: (address, size) =>
        outermost(
          () => before.realloc(address, size),
          (moved) => this.#resized(address, size, moved),
        ),
      tryMalloc: (size) =>
        outermost(
          () => before.tryMalloc(size),
          (address) => this.#born(address, () => this.#writer.malloc(size)),
        ),
      mallocAsync: async (size, options) => {
        const address = await before.mallocAsync(size, options)
        if (this.#recording) this.#born(address, () => this.#writer.malloc(size))
        return address
      },
      freeAsync: async (address, options) => {
        await before.freeAsync(address, options)
        if (this.#recording) this.#died(address)
      },
      freeAll: () =>
        outermost(
          () => before.freeAll(),
          () => {
            for (const address of this.#ids.keys()) this.#died(address)
          },
        ),
    }
  }

  #born(address: Address, write: () => number): void {
    if (address === 0) return
    // Live to our knowledge, and yet handed out: another thread has freed it.
    this.#died(address)
    this.#ids.set(address, write())
  }

  #died(address: Address): void {
    const id = this.#ids.get(address)
    if (id === undefined) return
    this.#ids.delete(address)
    this.#writer.free(id)
  }

  #resized(address: Address, size: number, moved: Address): void {
    if (address !== 0 && size === 0) this.#died(address)
    if (moved === 0) return
    const id = this.#ids.get(address)
    if (id === undefined) {
      this.#born(moved, () => this.#writer.malloc(size))
      return
    }
    this.#ids.delete(address)
    if (moved !== address) this.#died(moved)
    this.#writer.realloc(id, size)
    this.#ids.set(moved, id)
  }
}
