/**
 * malloc and free for WebAssembly.Memory, SharedArrayBuffer and ArrayBuffer.
 *
 * @packageDocumentation
 */
export { type CorruptionCode, HeapCorruptionError, type StackTrace } from '@vmalloc/marking'
export {
  type Address,
  type Backing,
  InvariantError,
  Memory,
  MemoryError,
  type MemoryErrorCode,
  type RegionAllocator,
} from '@vmalloc/memory'
export type { Trace } from '@vmalloc/trace'
export type { Addresses } from './batch.ts'
export type {
  AssemblySite,
  Composition,
  HeapParts,
  LayerClass,
  Part,
  SmallPart,
} from './composition.ts'
export type { BreakOptions, DebugOptions, QuarantineOptions } from './debug/debug-options.ts'
export { DebugTools, type LeakGroup } from './debug/debug-tools.ts'
export { formatReport, type ReportOptions } from './debug/report.ts'
export {
  defaultHeap,
  ealignedAlloc,
  eallocMany,
  ecalloc,
  edup,
  efree,
  efreeAll,
  efreeMany,
  egoodSize,
  emalloc,
  erealloc,
  eusableSize,
  setDefaultHeap,
} from './default-heap.ts'
export { ArrayBlock, Block } from './front/block.ts'
export type { Breakdown, ByKind } from './front/breakdown.ts'
export type { Leak } from './front/leak-watch.ts'
export { OutOfMemoryError } from './front/out-of-memory-error.ts'
export type { OnPressure, Pressure } from './front/pressure.ts'
export { Recorder } from './front/recorder.ts'
export type { RestoreTarget } from './front/restore.ts'
export { Scope } from './front/scope.ts'
export { SnapshotError, type SnapshotErrorCode } from './front/snapshot-error.ts'
export type { ViewClass } from './front/view-class.ts'
export {
  ERRNO,
  type ErrnoValues,
  type ImportedHeap,
  type WasmImportOptions,
  type WasmImports,
  wasmImports,
} from './front/wasm-imports.ts'
export { Heap, type HeapHandle } from './heap.ts'
export type {
  AttachOptions,
  HandleOptions,
  HeapOptions,
  RestoreOptions,
} from './heap-options.ts'
export type { HeapMap, MapOptions } from './map/heap-map.ts'
export {
  classicComposition,
  debugComposition,
  defaultComposition,
  type Preset,
  sampledComposition,
} from './presets.ts'
export type { CacheStats, HeapStats, MediumStats, PoolStats, ThreadStats } from './stats.ts'
export type { ThreadCacheOptions } from './threads/cache-classes.ts'
export type { DeathOptions, DeathReport } from './threads/death.ts'
export {
  type EndingWorker,
  type ExitingWorker,
  holdThread,
  terminateWorker,
  type WatchingHeap,
  type WatchOptions,
  watchThread,
  watchWorker,
} from './threads/death-watch.ts'
export { ReentrantLockError, WouldBlockError } from './threads/lock-errors.ts'
export type { Tuning } from './tuning.ts'
export { type HeapBlock, NotWalkableError } from './walk.ts'
