/** One heap and the threads that replay on it; `replayTrace` conducts. */
import type { ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import type { ReplayPlan } from './plan.ts'
import type { PeakMoment } from './result.ts'

export interface Runner<H extends ReplayHeap> {
  readonly heap: H
  readonly log: ErrorLog
  readonly copies: number
  /**
   * Performs operations `from` to `to` of the trace on all threads.
   *
   * @param onDone - Told now and then how many operations are done, of all copies together.
   * @returns Wall milliseconds from the common start to the last end.
   * @throws When a thread failed: there is no result then.
   */
  run(from: number, to: number, onDone?: (operations: number) => void): Promise<number>
  /** Frees what the trace left, so that the heap should be empty. */
  freeSurvivors(): void
  /** Makes ready for another round on the same heap. */
  rewind(): void
  /** Requested bytes live at most, over all threads together. */
  readonly peakLive: number
  /** Where everything lies after operation `to - 1`. */
  moment(to: number): PeakMoment<H>
}

/** Requested bytes of each id after operation `to - 1`; meaningless for ids that are not live. */
export function sizesAfter(plan: ReplayPlan, to: number): Uint32Array {
  const sizes = new Uint32Array(plan.ids)
  for (let i = 0; i < to; i++) sizes[plan.id[i]] = plan.size[i]
  return sizes
}
