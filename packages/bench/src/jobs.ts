/** What the conducting process asks of a child, and what it answers; both as one line of JSON. */

/** How long to measure. */
export interface Effort {
  /** Milliseconds that one sample lasts at least. */
  readonly sampleMs: number
  /** Samples taken in one process. */
  readonly samples: number
  /** Milliseconds after which a process stops measuring with what it has. */
  readonly limitMs: number
}

export type Job = MicroJob | TraceJob | FootprintJob | StartupJob

export interface MicroJob extends Effort {
  readonly type: 'micro'
  readonly contender: string
  readonly workload: string
}

export interface TraceJob extends Effort {
  readonly type: 'trace'
  readonly contender: string
  readonly file: string
}

export interface FootprintJob {
  readonly type: 'footprint'
  readonly contender: string
  readonly file: string
  readonly limitMs: number
}

/** Imports the bundle of a contender, makes a heap and its first block. */
export interface StartupJob {
  readonly type: 'startup'
  readonly bundle: string
}

/** nsPerOp of each sample. */
export interface TimedReply {
  readonly samples: readonly number[]
  /** What limits the figures, in words. */
  readonly note?: string
}

/** Bytes at the peak; where they go, at the moment of peak payload, for heaps that tell. */
export interface FootprintReply {
  readonly peakLive: number
  readonly peakMapped: number
  readonly errors: number
  readonly note?: string
  readonly parts?: FootprintParts
}

/** Bytes held at the moment of peak payload. */
export interface FootprintParts {
  /** Asked for by the program. */
  readonly payload: number
  /** Usable beyond what was asked: rounding up. */
  readonly internal: number
  readonly marks: number
  /** Free inside what the strategies hold. */
  readonly external: number
  /** Control area and page map. */
  readonly meta: number
}

export interface StartupReply {
  readonly importMs: number
  /** Heap made and first block allocated. */
  readonly firstBlockMs: number
}
