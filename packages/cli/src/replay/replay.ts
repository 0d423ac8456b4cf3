/** Conducts the replay of one trace: a verified run on a fresh heap, then timed rounds on another. */
import type { Trace } from '@vmalloc/trace'
import { describe, ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import { ParallelRunner, type SharedHeap } from './parallel.ts'
import type { WorkerPool } from './pool.ts'
import type { ReplayOptions, TraceResult } from './result.ts'
import type { Runner } from './runner.ts'
import { SingleRunner } from './single.ts'

/** Replays on the calling thread. `createHeap` is called for the verified run and once for all timed rounds. */
export async function replayTrace<H extends ReplayHeap>(
  trace: Trace,
  createHeap: () => H,
  options: ReplayOptions<H>,
): Promise<TraceResult> {
  return conduct(trace, (verify) => new SingleRunner(trace, createHeap(), verify), 0, options)
}

/** Replays on the workers of `pool`, all on one heap; see `parallel.ts` for who does what. */
export async function replayOnWorkers<H extends SharedHeap>(
  trace: Trace,
  createHeap: () => H,
  pool: WorkerPool,
  options: ReplayOptions<H>,
): Promise<TraceResult> {
  const open = (verify: boolean): ParallelRunner<H> =>
    new ParallelRunner(trace, createHeap(), pool, verify)
  const workers = trace.threads <= 1 ? pool.size : Math.min(pool.size, trace.threads)
  return conduct(trace, open, workers, options)
}

async function conduct<H extends ReplayHeap>(
  trace: Trace,
  open: (verify: boolean) => Runner<H>,
  workers: number,
  options: ReplayOptions<H>,
): Promise<TraceResult> {
  const log = new ErrorLog()
  const verified = open(true)
  const ops = trace.operations * verified.copies
  let peakMapped = 0
  try {
    await verifiedRun(trace, verified, options)
    peakMapped = verified.heap.stats().peakMapped
  } catch (error) {
    // The heap is not asked anything more: a worker may have died with its lock in hand.
    verified.log.add(describe(error))
  }
  log.merge(verified.log.report())

  let bestMs = Number.POSITIVE_INFINITY
  // The speed of a heap that makes mistakes means nothing.
  if (log.count === 0 && options.rounds > 0 && trace.operations > 0) {
    const timed = open(false)
    try {
      bestMs = await timedRounds(trace, timed, options)
    } catch (error) {
      timed.log.add(describe(error))
    }
    log.merge(timed.log.report())
  }
  const { count, samples } = log.report()
  const { peakLive } = verified
  return {
    name: trace.name,
    ops,
    nsPerOp: Number.isFinite(bestMs) && count === 0 ? (bestMs * 1e6) / ops : null,
    peakLive,
    peakMapped,
    ratio: peakLive > 0 ? peakMapped / peakLive : 0,
    errors: count,
    errorSamples: samples,
    threads: trace.threads,
    workers,
    copies: verified.copies,
  }
}

async function verifiedRun<H extends ReplayHeap>(
  trace: Trace,
  runner: Runner<H>,
  { atPeak, onProgress, rounds }: ReplayOptions<H>,
): Promise<void> {
  const { operations } = trace
  const share = 1 / (1 + rounds)
  const all = Math.max(1, operations * runner.copies)
  const from = (before: number) => (done: number) =>
    onProgress?.(((before * runner.copies + done) / all) * share, 'verifying')
  let peak = 0
  if (atPeak !== undefined && trace.peakAt >= 0) {
    peak = trace.peakAt + 1
    await runner.run(0, peak, from(0))
    atPeak(runner.moment(peak))
  }
  await runner.run(peak, operations, from(peak))
  runner.freeSurvivors()
  try {
    runner.heap.check()
  } catch (error) {
    runner.log.add(`check() at the end: ${describe(error)}`)
  }
  const { live } = runner.heap.stats()
  if (live !== 0) runner.log.add(`after the last free ${live} bytes are still live`)
}

async function timedRounds<H extends ReplayHeap>(
  trace: Trace,
  runner: Runner<H>,
  { rounds, onProgress }: ReplayOptions<H>,
): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    onProgress?.((1 + round) / (1 + rounds), `round ${round + 1} of ${rounds}`)
    runner.rewind()
    bestMs = Math.min(bestMs, await runner.run(0, trace.operations))
    runner.freeSurvivors()
  }
  onProgress?.(1, 'done')
  return bestMs
}
