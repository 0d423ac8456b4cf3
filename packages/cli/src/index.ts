/**
 * What the command `vmalloc` is made of, for programs: traces, replays, maps.
 *
 * @packageDocumentation
 */
export {
  decodeTrace,
  encodeTrace,
  type Trace,
  type TraceColumns,
  TraceError,
  type TraceErrorCode,
  type TraceStats,
  TraceWriter,
  traceStats,
} from '@vmalloc/trace'
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
export { readTraceFile, writeTraceFile } from './trace/file.ts'
