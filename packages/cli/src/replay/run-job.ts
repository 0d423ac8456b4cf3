/** One worker's share of a replay, on a heap it attached to. */
import { ReplayControl, Turnstile } from './control.ts'
import { Engine, ReplayAborted } from './engine.ts'
import { describe, ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import { type Job, type JobReply, nowMs } from './job.ts'
import { stepsOf } from './plan.ts'
import { Verifier } from './verifier.ts'

/** Operations between two reports of progress and two looks at the abort word. */
const CHUNK_OPERATIONS = 4096

/** Never throws: what goes wrong is in the reply, and has stopped the other workers. */
export function runJob(job: Job, attach: (job: Job) => ReplayHeap): JobReply {
  const control = new ReplayControl(job.control, job.workers)
  try {
    const heap = attach(job)
    const log = new ErrorLog()
    const engine = new Engine({
      heap,
      plan: job.plan,
      addresses: job.addresses,
      log,
      verifier: job.verify ? new Verifier(heap, log, job.firstBlock, control.tally()) : undefined,
      turns: job.turns === undefined ? undefined : new Turnstile(job.turns, control),
    })
    const steps = stepsOf(job.plan, job.from, job.to, job.share.part, job.share.of)
    control.startTogether()
    const startMs = nowMs()
    for (let from = 0; from < steps.length; from += CHUNK_OPERATIONS) {
      control.requireRunning()
      const to = Math.min(from + CHUNK_OPERATIONS, steps.length)
      engine.run(steps, from, to)
      control.progress(job.worker, to)
    }
    return { type: 'done', errors: log.report(), startMs, endMs: nowMs() }
  } catch (error) {
    control.abort()
    return { type: 'failed', message: describe(error), aborted: error instanceof ReplayAborted }
  }
}
