/**
 * Memory pressure: telling the program that its heap has grown past a soft limit, or that there is no room at all.
 *
 * The callback runs outside of the lock, after the operation that met the pressure: it may free and allocate. While it
 * runs it is not called again.
 */
import type { Arena } from '../arena.ts'
import { type BatchFamily, interpose } from './interpose.ts'

/** What {@link OnPressure} is told. All in bytes. */
export interface Pressure {
  /** `soft-limit`: more than `softLimit` is mapped. `no-room`: an allocation is about to fail. */
  readonly reason: 'soft-limit' | 'no-room'
  /** Bytes mapped now, as in `heap.stats().mapped`. */
  readonly mapped: number
  /** The limit of the heap; `undefined` when it has none. */
  readonly softLimit: number | undefined
  /** Bytes of the request that met the pressure. */
  readonly requested: number
}

/**
 * Called when the heap is under pressure. For `no-room`: return `true` when something was freed, and the request is
 * tried once more. An error thrown here does not disturb the allocation; it is reported like an uncaught one.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback that returns nothing is the usual one
export type OnPressure = (pressure: Pressure) => boolean | void

class PressureGauge {
  readonly #onPressure: OnPressure
  readonly #softLimit: number | undefined
  /** The most bytes mapped that were reported since the heap was last below its limit. */
  #reported = 0
  #calling = false

  /** @param softLimit - Bytes, 0 for none. */
  constructor(onPressure: OnPressure, softLimit: number) {
    this.#onPressure = onPressure
    this.#softLimit = softLimit === 0 ? undefined : softLimit
  }

  /** To be called after a successful allocation: reports each new height above the limit once. */
  afterAllocation(mapped: number, requested: number): void {
    if (this.#softLimit === undefined) return
    if (mapped <= this.#softLimit) {
      this.#reported = 0
      return
    }
    if (mapped <= this.#reported) return
    this.#reported = mapped
    this.#call({ reason: 'soft-limit', mapped, softLimit: this.#softLimit, requested })
  }

  /** To be called after a failed allocation. @returns Whether to try once more. */
  afterFailure(mapped: number, requested: number): boolean {
    return this.#call({ reason: 'no-room', mapped, softLimit: this.#softLimit, requested })
  }

  #call(pressure: Pressure): boolean {
    if (this.#calling) return false
    this.#calling = true
    try {
      return this.#onPressure(pressure) === true
    } catch (error) {
      globalThis.queueMicrotask(() => {
        throw error
      })
      return false
    } finally {
      this.#calling = false
    }
  }
}

/**
 * Makes the allocating calls of `heap` tell `onPressure` about pressure.
 *
 * @param softLimit - Bytes, 0 for none.
 */
export function installPressure(
  heap: BatchFamily,
  onPressure: OnPressure,
  softLimit: number,
  { space }: Arena,
): void {
  const mappedBytes = (): number => space.mappedBytes + space.metaBytes
  const gauge = new PressureGauge(onPressure, softLimit)
  // The first call has looked at the arguments: only then they are numbers.
  const watched = (requestedBytes: () => number, allocate: () => number): number => {
    let address = allocate()
    const requested = requestedBytes()
    if (address === 0 && requested > 0 && gauge.afterFailure(mappedBytes(), requested))
      address = allocate()
    if (address !== 0) gauge.afterAllocation(mappedBytes(), requested)
    return address
  }
  interpose(heap, (before) => ({
    malloc: (size) =>
      watched(
        () => size,
        () => before.malloc(size),
      ),
    calloc: (count, size) =>
      watched(
        () => count * size,
        () => before.calloc(count, size),
      ),
    realloc: (address, size) =>
      watched(
        () => size,
        () => before.realloc(address, size),
      ),
    alignedAlloc: (size, alignment) =>
      watched(
        () => size,
        () => before.alignedAlloc(size, alignment),
      ),
    // A 0 of tryMalloc may only say that the lock is taken: no pressure.
    tryMalloc: (size) => {
      const address = before.tryMalloc(size)
      if (address !== 0) gauge.afterAllocation(mappedBytes(), size)
      return address
    },
    mallocAsync: async (size, options) => {
      let address = await before.mallocAsync(size, options)
      if (address === 0 && size > 0 && gauge.afterFailure(mappedBytes(), size)) {
        address = await before.mallocAsync(size, options)
      }
      if (address !== 0) gauge.afterAllocation(mappedBytes(), size)
      return address
    },
  }))
}
