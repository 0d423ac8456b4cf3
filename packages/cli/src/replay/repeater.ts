/** Replays a trace at a pace that can be watched, and then again, until the process ends. */
import type { Trace } from '@vmalloc/trace'
import { Engine } from './engine.ts'
import { ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import { planReplay, type ReplayPlan, stepsOf } from './plan.ts'

/** So long a round takes, and so often a piece of it is done. */
const ROUND_MS = 30_000
const TICK_MS = 50

export class Repeater {
  readonly #plan: ReplayPlan
  readonly #steps: Uint32Array
  readonly #addresses: Uint32Array
  readonly #engine: Engine
  readonly #trace: Trace
  /** By payload address; as of the operations done. */
  readonly #requested: Map<number, number> = new Map()
  #at = 0

  constructor(trace: Trace, heap: ReplayHeap) {
    this.#trace = trace
    this.#plan = planReplay(trace, 1)
    this.#steps = stepsOf(this.#plan, 0, trace.operations, 0, 1)
    this.#addresses = new Uint32Array(trace.ids)
    this.#engine = new Engine({
      heap,
      plan: this.#plan,
      addresses: this.#addresses,
      log: new ErrorLog(),
    })
  }

  /** Bytes asked for by a block; 0 for one that is not of the trace. */
  requestedAt(payload: number): number {
    return this.#requested.get(payload) ?? 0
  }

  /** Goes on for ever; the process stays alive. */
  start(): void {
    const each = Math.max(1, Math.ceil((this.#steps.length * TICK_MS) / ROUND_MS))
    setInterval(() => this.advance(each), TICK_MS)
  }

  /** Performs so many operations, or those to the end of the round. */
  advance(operations: number): void {
    if (this.#at >= this.#steps.length) {
      this.#engine.freeSurvivors()
      this.#addresses.fill(0)
      this.#requested.clear()
      this.#at = 0
    }
    const to = Math.min(this.#steps.length, this.#at + operations)
    for (; this.#at < to; this.#at++) {
      const operation = this.#steps[this.#at]
      const id = this.#trace.id[operation]
      this.#requested.delete(this.#addresses[id])
      this.#engine.run(this.#steps, this.#at, this.#at + 1)
      const address = this.#addresses[id]
      if (address !== 0) this.#requested.set(address, this.#trace.size[operation])
    }
  }
}
