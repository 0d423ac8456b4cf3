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
export { type CellMap, cellMap } from './map/cells.ts'
export type { MapPanel, Picture } from './map/layout.ts'
export { drawPng } from './map/png.ts'
export { drawPicture } from './map/svg.ts'
export type { HeapFigures, HeapViews, ReplayHeap } from './replay/heap.ts'
export type { SharedHeap } from './replay/parallel.ts'
export { ReplayFailed, WorkerPool } from './replay/pool.ts'
export { replayOnWorkers, replayTrace } from './replay/replay.ts'
export type { PeakMoment, ReplayOptions, TraceResult } from './replay/result.ts'
export { readTraceFile, writeTraceFile } from './trace/file.ts'
