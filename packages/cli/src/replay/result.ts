/** What a replay reports; the fields of `--json`. */

/** One trace, replayed. */
export interface TraceResult {
  readonly name: string
  /** Operations performed per round by all workers together; the frees after the end are not counted. */
  readonly ops: number
  /** Wall time per operation of the best round; null when no round came to its end. */
  readonly nsPerOp: number | null
  /** Peak of the sum of requested bytes, in the verified run. */
  readonly peakLive: number
  /** Most bytes that the heap had mapped, in the verified run. */
  readonly peakMapped: number
  /** peakMapped / peakLive. */
  readonly ratio: number
  readonly errors: number
  /** The first few errors in words. */
  readonly errorSamples: readonly string[]
  /** Recorded threads. */
  readonly threads: number
  /** Workers that took part; 0 when the main thread replayed alone. */
  readonly workers: number
  /** Times the whole trace ran side by side: more than 1 only for single-threaded traces on workers. */
  readonly copies: number
}

/** The heap at the moment of peak live, handed out before the replay goes on. */
export interface PeakMoment<H> {
  readonly heap: H
  /** For each copy the address and requested bytes of each id; address 0 for an id that is not live. */
  readonly copies: readonly { readonly addresses: Uint32Array; readonly sizes: Uint32Array }[]
}

/** How often a trace is replayed, and who hears of it. */
export interface ReplayOptions<H> {
  /** Timed rounds; the best one counts. 0: verification only. */
  readonly rounds: number
  /** Called once, with all threads stopped after the first operation that reaches the peak. */
  readonly atPeak?: ((moment: PeakMoment<H>) => void) | undefined
  /** Called now and then with the fraction done, 0 to 1. */
  readonly onProgress?: ((fraction: number, what: string) => void) | undefined
}
