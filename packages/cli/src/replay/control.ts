/**
 * Words that the threads of one replay share. Nobody waits without end: every wait goes in slices and looks at the
 * abort word between them, so that one failed worker stops all others, and a lost wake-up costs one slice.
 *
 *     word  0   1 when the replay was given up
 *           1   workers that are ready to start
 *           2   threads asleep in waitFor: only then is it worth waking anyone
 *           3   requested bytes live now   (unsigned)
 *           4   their peak                 (unsigned)
 *     16 (1 + w)  operations that worker w has done; a cache line each
 */
import { ReplayAborted, type TurnKeeper } from './engine.ts'
import type { LiveTally } from './verifier.ts'

const ABORT = 0
const READY = 1
const SLEEPERS = 2
const LIVE = 3
const PEAK = 4
const LINE_WORDS = 16

const SLICE_MS = 20
/** Looks at a word before sleeping: the other worker is usually a few operations away. */
const SPINS = 200

export class ReplayControl {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #workers: number

  static create(workers: number): ReplayControl {
    return new ReplayControl(new SharedArrayBuffer(4 * LINE_WORDS * (1 + workers)), workers)
  }

  constructor(buffer: SharedArrayBuffer, workers: number) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
    this.#workers = workers
  }

  /** Makes every waiting worker, and every worker that would wait later, throw {@link ReplayAborted}. */
  abort(): void {
    Atomics.store(this.#words, ABORT, 1)
    Atomics.notify(this.#words, READY)
  }

  get aborted(): boolean {
    return Atomics.load(this.#words, ABORT) !== 0
  }

  requireRunning(): void {
    if (this.aborted) throw new ReplayAborted('another worker failed')
  }

  /** Before another leg: nobody is ready, nothing is done; live bytes stay. Only while all workers are idle. */
  startAgain(): void {
    Atomics.store(this.#words, READY, 0)
    for (let w = 0; w < this.#workers; w++) this.progress(w, 0)
  }

  /** Returns when all workers have called it: they start together. */
  startTogether(): void {
    const words = this.#words
    if (Atomics.add(words, READY, 1) + 1 === this.#workers) Atomics.notify(words, READY)
    for (;;) {
      this.requireRunning()
      const ready = Atomics.load(words, READY)
      if (ready >= this.#workers) return
      Atomics.wait(words, READY, ready, SLICE_MS)
    }
  }

  progress(worker: number, done: number): void {
    Atomics.store(this.#words, LINE_WORDS * (1 + worker), done)
  }

  /** Operations done by all workers. */
  get done(): number {
    let sum = 0
    for (let w = 0; w < this.#workers; w++) sum += Atomics.load(this.#words, LINE_WORDS * (1 + w))
    return sum
  }

  asleep(change: 1 | -1): void {
    Atomics.add(this.#words, SLEEPERS, change)
  }

  get someoneAsleep(): boolean {
    return Atomics.load(this.#words, SLEEPERS) > 0
  }

  /** The sum over all threads of requested live bytes. */
  tally(): LiveTally {
    const words = new Uint32Array(this.buffer)
    return {
      add(bytes: number): void {
        const live = (Atomics.add(words, LIVE, bytes) + bytes) >>> 0
        let peak = Atomics.load(words, PEAK)
        while (live > peak) {
          const found = Atomics.compareExchange(words, PEAK, peak, live)
          if (found === peak) return
          peak = found
        }
      },
    }
  }

  get peakLive(): number {
    return new Uint32Array(this.buffer)[PEAK]
  }
}

/** Recorded order per id: `state[id]` operations on the id are done. */
export class Turnstile implements TurnKeeper {
  readonly #state: Int32Array
  readonly #control: ReplayControl

  constructor(state: Int32Array, control: ReplayControl) {
    this.#state = state
    this.#control = control
  }

  waitFor(id: number, turn: number): void {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(this.#state, id) >= turn) return
    }
    this.#sleep(id, turn)
  }

  done(id: number, turn: number): void {
    Atomics.store(this.#state, id, turn)
    if (this.#control.someoneAsleep) Atomics.notify(this.#state, id)
  }

  #sleep(id: number, turn: number): void {
    this.#control.asleep(1)
    try {
      for (;;) {
        this.#control.requireRunning()
        const done = Atomics.load(this.#state, id)
        if (done >= turn) return
        Atomics.wait(this.#state, id, done, SLICE_MS)
      }
    } finally {
      this.#control.asleep(-1)
    }
  }
}
