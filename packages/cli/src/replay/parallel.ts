/**
 * Replays on Workers over one shared heap.
 *
 * A trace of several threads: recorded thread t runs on worker t % N, each worker in recorded order; operations on an id
 * that several workers touch keep their recorded order, all others run freely. Every wait is for an operation that comes
 * earlier in the recording, so no circle of waits can arise.
 *
 * A trace of one thread: every worker replays a whole copy, side by side.
 */
import type { Trace } from '@vmalloc/trace'
import { ReplayControl } from './control.ts'
import { Engine } from './engine.ts'
import { ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import type { Job } from './job.ts'
import { planReplay, type ReplayPlan } from './plan.ts'
import type { WorkerPool } from './pool.ts'
import type { PeakMoment } from './result.ts'
import { type Runner, sizesAfter } from './runner.ts'
import { Verifier } from './verifier.ts'

/** A heap that workers can attach to. */
export interface SharedHeap extends ReplayHeap {
  readonly handle: unknown
}

const POLL_MS = 50

let lastHeapKey = 0

export class ParallelRunner<H extends SharedHeap> implements Runner<H> {
  readonly heap: H
  readonly log: ErrorLog = new ErrorLog()
  readonly copies: number
  readonly #pool: WorkerPool
  readonly #verify: boolean
  readonly #plan: ReplayPlan
  readonly #heapKey: number = ++lastHeapKey
  readonly #workers: number
  readonly #addresses: Uint32Array[]
  readonly #turns: Int32Array | undefined
  /** Reused by all legs of a round, so that live bytes add up. */
  #control: ReplayControl
  #peakLive = 0

  constructor(trace: Trace, heap: H, pool: WorkerPool, verify: boolean) {
    this.heap = heap
    this.#pool = pool
    this.#verify = verify
    const alone = trace.threads <= 1
    this.#workers = alone ? pool.size : Math.min(pool.size, trace.threads)
    this.copies = alone ? this.#workers : 1
    this.#plan = planReplay(trace, alone ? 1 : this.#workers)
    const perId = 4 * trace.ids
    this.#addresses = Array.from(
      { length: this.copies },
      () => new Uint32Array(new SharedArrayBuffer(perId)),
    )
    this.#turns = alone ? undefined : new Int32Array(new SharedArrayBuffer(perId))
    this.#control = ReplayControl.create(this.#workers)
  }

  get workers(): number {
    return this.#workers
  }

  get peakLive(): number {
    return this.#peakLive
  }

  async run(from: number, to: number, onDone?: (operations: number) => void): Promise<number> {
    this.#control.startAgain()
    const jobs = Array.from({ length: this.#workers }, (_, w) => this.#job(w, from, to))
    const poll = setInterval(() => onDone?.(this.#control.done), POLL_MS)
    try {
      const replies = await this.#pool.run(jobs, this.#control)
      for (const reply of replies) this.log.merge(reply.errors)
      this.#peakLive = Math.max(this.#peakLive, this.#control.peakLive)
      const start = Math.min(...replies.map((reply) => reply.startMs))
      return Math.max(...replies.map((reply) => reply.endMs)) - start
    } finally {
      clearInterval(poll)
    }
  }

  freeSurvivors(): void {
    this.#addresses.forEach((addresses, copy) => {
      const { heap, log } = this
      const verifier = this.#verify ? new Verifier(heap, log, this.#firstBlock(copy)) : undefined
      new Engine({ heap, plan: this.#plan, addresses, log, verifier }).freeSurvivors()
    })
  }

  rewind(): void {
    for (const addresses of this.#addresses) addresses.fill(0)
    this.#turns?.fill(0)
    this.#control = ReplayControl.create(this.#workers)
  }

  moment(to: number): PeakMoment<H> {
    const sizes = sizesAfter(this.#plan, to)
    return { heap: this.heap, copies: this.#addresses.map((addresses) => ({ addresses, sizes })) }
  }

  #firstBlock(copy: number): number {
    return copy * this.#plan.ids
  }

  #job(worker: number, from: number, to: number): Job {
    const copy = this.copies > 1 ? worker : 0
    const alone = this.#turns === undefined
    return {
      heapKey: this.#heapKey,
      handle: this.heap.handle,
      plan: this.#plan,
      control: this.#control.buffer,
      addresses: this.#addresses[copy],
      turns: this.#turns,
      worker,
      workers: this.#workers,
      share: alone ? { part: 0, of: 1 } : { part: worker, of: this.#workers },
      from,
      to,
      verify: this.#verify,
      firstBlock: this.#firstBlock(copy),
    }
  }
}
