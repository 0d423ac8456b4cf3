/** What the main thread asks of a worker, and what it answers. Plain data, sent by `postMessage`. */
import type { ErrorReport } from './errors.ts'
import type { ReplayPlan } from './plan.ts'

export interface Job {
  readonly heapKey: number
  /** `heap.handle`; the worker attaches when the key is new to it. */
  readonly handle: unknown
  readonly plan: ReplayPlan
  readonly control: SharedArrayBuffer
  readonly addresses: Uint32Array
  /** Operations done per id; for copies of a single-threaded trace nobody waits, and there is none. */
  readonly turns: Int32Array | undefined
  readonly worker: number
  readonly workers: number
  /** This worker performs the operations of thread t with t % share.of === share.part. */
  readonly share: { readonly part: number; readonly of: number }
  /** Operations from `from` to `to` of the trace. */
  readonly from: number
  readonly to: number
  readonly verify: boolean
  /** Added to ids in the fill pattern: copies of one trace must not look alike. */
  readonly firstBlock: number
}

export interface JobDone {
  readonly type: 'done'
  readonly errors: ErrorReport
  /** Milliseconds on the process-wide monotonic clock. */
  readonly startMs: number
  readonly endMs: number
}

/** The job could not be carried out: attach failed, or another worker gave up. */
export interface JobFailed {
  readonly type: 'failed'
  readonly message: string
  readonly aborted: boolean
}

export type JobReply = JobDone | JobFailed

/** One clock for all threads of the process: `performance.now()` counts from each thread's own start. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
