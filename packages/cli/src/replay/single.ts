/** Replays on the calling thread, all recorded threads in their recorded order. */
import type { Trace } from '@vmalloc/trace'
import { Engine } from './engine.ts'
import { ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import { nowMs } from './job.ts'
import { planReplay, type ReplayPlan, stepsOf } from './plan.ts'
import type { PeakMoment } from './result.ts'
import { type Runner, sizesAfter } from './runner.ts'
import { Verifier } from './verifier.ts'

const CHUNK_OPERATIONS = 16384

export class SingleRunner<H extends ReplayHeap> implements Runner<H> {
  readonly heap: H
  readonly log: ErrorLog = new ErrorLog()
  readonly copies: number = 1
  readonly peakLive: number
  readonly #plan: ReplayPlan
  readonly #addresses: Uint32Array
  readonly #engine: Engine

  constructor(trace: Trace, heap: H, verify: boolean) {
    this.heap = heap
    this.peakLive = trace.peakLive
    this.#plan = planReplay(trace, 1)
    this.#addresses = new Uint32Array(trace.ids)
    this.#engine = new Engine({
      heap,
      plan: this.#plan,
      addresses: this.#addresses,
      log: this.log,
      verifier: verify ? new Verifier(heap, this.log) : undefined,
    })
  }

  async run(from: number, to: number, onDone?: (operations: number) => void): Promise<number> {
    const steps = stepsOf(this.#plan, from, to, 0, 1)
    const startMs = nowMs()
    // Without an observer in one piece: nothing but operations is timed.
    const chunk = onDone === undefined ? steps.length : CHUNK_OPERATIONS
    for (let k = 0; k < steps.length; k += chunk) {
      const end = Math.min(k + chunk, steps.length)
      this.#engine.run(steps, k, end)
      onDone?.(end)
    }
    return nowMs() - startMs
  }

  freeSurvivors(): void {
    this.#engine.freeSurvivors()
  }

  rewind(): void {
    this.#addresses.fill(0)
  }

  moment(to: number): PeakMoment<H> {
    const sizes = sizesAfter(this.#plan, to)
    return { heap: this.heap, copies: [{ addresses: this.#addresses, sizes }] }
  }
}
