/** What a synthetic workload is. */
import type { BenchHeap } from '../contenders/contender.ts'

/** Stops the clock for what a workload does between its operations. */
export interface Stopwatch {
  pause(): void
  resume(): void
}

/**
 * Performs at least `operations` operations; called many times on the same heap.
 *
 * @returns How many they were: some workloads come in rounds.
 */
export type Batch = (operations: number, stopwatch: Stopwatch) => number

export interface Workload {
  readonly name: string
  /** What one operation is, and on what; for the tables. */
  readonly about: string
  readonly group: 'speed' | 'live blocks' | 'fragmentation' | 'high addresses'
  /** The most memory that a wasteful contender may need, in bytes. */
  readonly maximum: number
  /** Needs `realloc`; contenders without one are left out. */
  readonly reallocs?: boolean
  /** For ours only: rivals cannot reach such addresses, or would take all day. */
  readonly oursOnly?: boolean
  /** Left out of `--quick`. */
  readonly slow?: boolean
  /** Fills the heap as far as the workload wants. */
  prepare(heap: BenchHeap): Batch
}
