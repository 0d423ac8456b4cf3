/** How much memory a trace makes a contender hold, in a verified replay; and where it goes, for our own heaps. */
// The engine of `vmalloc replay`, one loop for all contenders. It is not exported, so it comes by its path.

import { type ReplayHeap, readTraceFile, replayTrace, type Trace } from '@vmalloc/cli'
import type { Heap } from '@vmalloc/core'
import { Engine } from '../../../cli/src/replay/engine.ts'
import { ErrorLog } from '../../../cli/src/replay/errors.ts'
import { planReplay, stepsOf } from '../../../cli/src/replay/plan.ts'
import type { FootprintParts, FootprintReply } from '../jobs.ts'

/** @param open - A fresh heap that tells its figures. */
export async function footprint(file: string, open: () => ReplayHeap): Promise<FootprintReply> {
  const trace = readTraceFile(file)
  const result = await replayTrace(trace, open, { rounds: 0 })
  const { peakLive, peakMapped, errors, errorSamples } = result
  const note = errors > 0 ? { note: errorSamples[0] ?? 'errors' } : {}
  return { peakLive, peakMapped, errors, ...note }
}

/** The bytes held at the moment of peak payload. @param markBytes - On each block. */
export function partsAtPeak(file: string, heap: Heap, markBytes: number): FootprintParts {
  const trace: Trace = readTraceFile(file)
  const plan = planReplay(trace, 1)
  const addresses = new Uint32Array(trace.ids)
  const steps = stepsOf(plan, 0, trace.peakAt + 1, 0, 1)
  new Engine({ heap, plan, addresses, log: new ErrorLog() }).run(steps, 0, steps.length)
  const { live, mapped, blocks, meta } = heap.stats()
  const marks = blocks * markBytes
  return {
    payload: trace.peakLive,
    internal: live - trace.peakLive,
    marks,
    external: mapped - meta - live - marks,
    meta,
  }
}
