/** Figures about a trace that do not depend on any allocator. */
import { CODE_MASK, FREE, isBirth, MEMALIGN, type Trace } from './format.ts'

/** What kind of program a trace is. */
export interface TraceStats {
  readonly operations: number
  /** Operations per code; index 0 is unused. */
  readonly perCode: readonly number[]
  /** Operations per thread. */
  readonly perThread: readonly number[]
  /** Frees by another thread than the one that made the block. */
  readonly crossThreadFrees: number
  readonly peakLive: number
  readonly peakBlocks: number
  readonly liveAtEnd: number
}

/** Cost: one pass, one byte per id. */
export function traceStats(trace: Trace): TraceStats {
  const perCode = new Array<number>(MEMALIGN + 1).fill(0)
  const perThread = new Array<number>(trace.threads).fill(0)
  const maker = new Uint8Array(trace.ids)
  let crossThreadFrees = 0
  for (let i = 0; i < trace.operations; i++) {
    const code = trace.op[i] & CODE_MASK
    const thread = trace.thread[i]
    perCode[code]++
    perThread[thread]++
    if (isBirth(code)) maker[trace.id[i]] = thread
    else if (code === FREE && maker[trace.id[i]] !== thread) crossThreadFrees++
  }
  return {
    operations: trace.operations,
    perCode,
    perThread,
    crossThreadFrees,
    peakLive: trace.peakLive,
    peakBlocks: trace.peakBlocks,
    liveAtEnd: trace.liveAtEnd,
  }
}
