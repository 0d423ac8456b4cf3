/**
 * What the command `vmalloc` is made of, for programs: traces, replays, maps.
 *
 * @packageDocumentation
 */
export {
  collectPieces,
  type LiveBlock,
  type WalkableHeap,
  type WalkedBlock,
} from './map/collect.ts'
export { type CellMap, cellMap, PARTS, type Part, type Piece } from './map/parts.ts'
export { drawPicture, type MapPanel, type Picture } from './map/svg.ts'
export type { HeapFigures, HeapViews, ReplayHeap } from './replay/heap.ts'
export type { SharedHeap } from './replay/parallel.ts'
export { ReplayFailed, WorkerPool } from './replay/pool.ts'
export { replayOnWorkers, replayTrace } from './replay/replay.ts'
export type { PeakMoment, ReplayOptions, TraceResult } from './replay/result.ts'
export { decodeTrace } from './trace/decode.ts'
export { encodeTrace, TraceWriter } from './trace/encode.ts'
export { TraceError, type TraceErrorCode } from './trace/error.ts'
export { readTraceFile, writeTraceFile } from './trace/file.ts'
export type { Trace, TraceColumns } from './trace/format.ts'
export { type TraceStats, traceStats } from './trace/stats.ts'
