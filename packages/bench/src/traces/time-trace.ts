/** Times the replay of one trace on one heap: rounds of the whole trace, all blocks freed in between. */
// The engine of `vmalloc replay`, one loop for all contenders. It is not exported, so it comes by its path.

import { type ReplayHeap, readTraceFile } from '@vmalloc/cli'
import { Engine } from '../../../cli/src/replay/engine.ts'
import { ErrorLog } from '../../../cli/src/replay/errors.ts'
import { planReplay, stepsOf } from '../../../cli/src/replay/plan.ts'
import { threadMs } from '../clock.ts'
import type { Effort, TimedReply } from '../jobs.ts'

/** A slow contender is asked for the time after so many operations. */
const CHUNK_OPERATIONS = 8192

/**
 * The first round also warms the engine up and is not counted, unless it is all there was time for.
 *
 * @throws Error when an operation fails: the figures would be of something else.
 */
export function timeTrace(file: string, heap: ReplayHeap, effort: Effort): TimedReply {
  const trace = readTraceFile(file)
  const plan = planReplay(trace, 1)
  const steps = stepsOf(plan, 0, trace.operations, 0, 1)
  const addresses = new Uint32Array(trace.ids)
  const log = new ErrorLog()
  const engine = new Engine({ heap, plan, addresses, log })
  const endMs = threadMs() + effort.limitMs
  const samples: number[] = []
  for (let round = 0; round <= effort.samples; round++) {
    const startMs = threadMs()
    let done = 0
    while (done < steps.length && (done === 0 || threadMs() < endMs)) {
      const to = Math.min(steps.length, done + CHUNK_OPERATIONS)
      engine.run(steps, done, to)
      done = to
    }
    const nsPerOp = ((threadMs() - startMs) * 1e6) / done
    if (log.count > 0) throw new Error(log.report().samples.join('; '))
    if (done < steps.length) {
      if (samples.length > 0) break
      const seconds = effort.limitMs / 1000
      const note = `cut after ${seconds} s: ${done} of ${steps.length} operations, not warm`
      return { samples: [nsPerOp], note }
    }
    if (round > 0) samples.push(nsPerOp)
    else if (threadMs() >= endMs) return { samples: [nsPerOp], note: 'one round, not warm' }
    engine.freeSurvivors()
    addresses.fill(0)
  }
  return { samples }
}
