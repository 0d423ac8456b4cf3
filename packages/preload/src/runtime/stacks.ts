/**
 * Where blocks were allocated: call stacks, captured for a sample of the allocations and put into words only when a
 * report asks.
 *
 * A capture costs about 2 us, so a program of ten million calls cannot have one for each. The first 1024 allocations all
 * get one, then every second, every fourth and so on: early blocks, which are few and stay, are known for certain, later
 * ones with a chance.
 */
import { type Captured, framesOf } from './frames.ts'

const CAPTURES_PER_RATE = 1024
/** The most frames of a stack that are kept. */
export const FRAMES = 12
/** Frames of our own, at the most, that come before the program's. */
const OWN_FRAMES = 6
/** No stack: the allocation was not sampled. */
const NO_SITE = 0

/** `sample` as above, `all` for every allocation, `none` for no cost. */
export type StackMode = 'sample' | 'all' | 'none'

/** V8's interface; other engines have `error.stack` only. */
const engine = Error as unknown as {
  stackTraceLimit: number
  captureStackTrace?: (target: object) => void
}

export class Stacks {
  private readonly mode: StackMode
  private readonly captured: (Captured | null)[] = [null]
  private readonly free: number[] = []
  private rate = 1
  private untilNext = 1
  private untilSlower = CAPTURES_PER_RATE

  constructor(mode: StackMode) {
    this.mode = mode
  }

  /** Whether any stack is ever captured. */
  get captures(): boolean {
    return this.mode !== 'none'
  }

  /** @returns The number of a new capture, or {@link NO_SITE}. */
  capture(): number {
    if (this.mode === 'none' || --this.untilNext > 0) return NO_SITE
    this.untilNext = this.rate
    if (this.mode === 'sample' && --this.untilSlower === 0) {
      this.untilSlower = CAPTURES_PER_RATE
      this.rate *= 2
    }
    const site = this.free.pop() ?? this.captured.length
    this.captured[site] = captureStack()
    return site
  }

  /** The block is gone: its capture may be dropped. */
  release(site: number): void {
    if (site <= NO_SITE || site >= this.captured.length || this.captured[site] === null) return
    this.captured[site] = null
    this.free.push(site)
  }

  /** Frames of a capture, innermost first; empty when there is none. */
  frames(site: number): readonly string[] {
    return framesOf(this.captured[site], FRAMES)
  }
}

/** A stack from here, unformatted. */
export function captureStack(): Captured {
  const limit = engine.stackTraceLimit
  if (engine.captureStackTrace === undefined) return new Error()
  engine.stackTraceLimit = FRAMES + OWN_FRAMES
  const holder = {}
  engine.captureStackTrace(holder)
  engine.stackTraceLimit = limit
  return holder
}
