/** What the threads of one run share besides the heap: a flag to stop, a barrier, random numbers, hand-over places. */

export interface Stage {
  readonly index: number
  readonly threads: number
  /** Words: stop flag, arrivals at the barrier, its generation; then places for addresses. */
  readonly board: Int32Array<SharedArrayBuffer>
  /** Uniform from 0 to `bound` - 1; the same numbers in each run. */
  below(bound: number): number
}

export const PLACES = 16
const PLACES_MAX = 1 << 16

const STOP = 0
const ARRIVED = 1
const GENERATION = 2

export function newBoard(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * (PLACES + PLACES_MAX)))
}

export function stopped({ board }: Stage): boolean {
  return Atomics.load(board, STOP) !== 0
}

export function stop(board: Int32Array<SharedArrayBuffer>): void {
  Atomics.store(board, STOP, 1)
  Atomics.notify(board, GENERATION)
}

/** Waits until all threads have come here. @returns `false` when the run was stopped meanwhile. */
export function meet(stage: Stage): boolean {
  const { board, threads } = stage
  const generation = Atomics.load(board, GENERATION)
  if (Atomics.add(board, ARRIVED, 1) + 1 === threads) {
    Atomics.store(board, ARRIVED, 0)
    Atomics.add(board, GENERATION, 1)
    Atomics.notify(board, GENERATION)
  }
  while (Atomics.load(board, GENERATION) === generation) {
    if (stopped(stage)) return false
    Atomics.wait(board, GENERATION, generation, 20)
  }
  return !stopped(stage)
}

/** xorshift32: good enough to choose sizes and slots, and cheap beside an allocation. */
export function randomBelow(seed: number): (bound: number) => number {
  let x = (seed * 2654435761) | 1
  return (bound) => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) % bound
  }
}
