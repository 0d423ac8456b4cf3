/**
 * MTR1: recorded sequences of calls to an allocator.
 *
 * @packageDocumentation
 */
export { decodeTrace } from './decode.ts'
export { encodeTrace, TraceWriter } from './encode.ts'
export { inFile, TraceError, type TraceErrorCode } from './error.ts'
export {
  CALLOC,
  CODE_BITS,
  CODE_MASK,
  FREE,
  isBirth,
  MALLOC,
  MEMALIGN,
  REALLOC,
  type Trace,
  type TraceColumns,
} from './format.ts'
export { type TraceStats, traceStats } from './stats.ts'
