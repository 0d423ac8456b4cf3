/** Timing of one batch function in the process that was started for it. */
import { threadMs } from './clock.ts'
import type { Effort, TimedReply } from './jobs.ts'
import type { Batch, Stopwatch } from './workloads/workload.ts'

const FIRST_OPERATIONS = 64

/**
 * Doubles the number of operations until a sample lasts long enough, which also warms the engine up, then takes samples.
 *
 * Slow contenders reach the limit of time first: then the samples are fewer, at the least one, and the reply says so.
 */
export function measure(batch: Batch, effort: Effort): TimedReply {
  const endMs = threadMs() + effort.limitMs
  let operations = FIRST_OPERATIONS
  let last = timed(batch, operations)
  while (last.ms < effort.sampleMs && threadMs() < endMs) {
    // At most twice as many: a first sample that was interpreted says little about the next.
    operations *= 2
    last = timed(batch, operations)
  }
  const samples: number[] = []
  while (samples.length < effort.samples && threadMs() < endMs) {
    samples.push(timed(batch, operations).nsPerOp)
  }
  if (samples.length === effort.samples) return { samples }
  const seconds = effort.limitMs / 1000
  return {
    samples: samples.length > 0 ? samples : [last.nsPerOp],
    note: `cut after ${seconds} s: ${samples.length} of ${effort.samples} samples`,
  }
}

function timed(batch: Batch, operations: number): { ms: number; nsPerOp: number } {
  let ms = 0
  let startMs = threadMs()
  const stopwatch: Stopwatch = {
    pause: () => {
      ms += threadMs() - startMs
    },
    resume: () => {
      startMs = threadMs()
    },
  }
  const done = batch(operations, stopwatch)
  stopwatch.pause()
  return { ms, nsPerOp: (ms * 1e6) / done }
}
