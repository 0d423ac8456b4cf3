/**
 * malloc and free for WebAssembly.Memory, SharedArrayBuffer and ArrayBuffer.
 *
 * @packageDocumentation
 */
export { type CorruptionCode, HeapCorruptionError } from '@vmalloc/marking'
export {
  type Address,
  type Backing,
  InvariantError,
  Memory,
  MemoryError,
  type MemoryErrorCode,
  type RegionAllocator,
} from '@vmalloc/memory'
export type {
  AssemblySite,
  Composition,
  HeapParts,
  LayerClass,
  Part,
  SmallPart,
} from './composition.ts'
export {
  defaultHeap,
  ealignedAlloc,
  ecalloc,
  efree,
  emalloc,
  erealloc,
  setDefaultHeap,
} from './default-heap.ts'
export { type AttachOptions, Heap, type HeapHandle, type HeapOptions } from './heap.ts'
export { classicComposition, defaultComposition, type Preset } from './presets.ts'
export type { CacheStats, HeapStats, MediumStats, PoolStats } from './stats.ts'
export type { ThreadCacheOptions } from './threads/cache-classes.ts'
export type { DeathReport } from './threads/death.ts'
export { ReentrantLockError, WouldBlockError } from './threads/lock-errors.ts'
export type { HeapBlock } from './walk.ts'
