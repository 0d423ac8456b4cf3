/**
 * The size classes of a thread cache: one for each pool, and those of the medium strategy up to a bound.
 *
 * Classes of medium blocks have eight steps for each power of two: up to 512 bytes that is every block size there is, from
 * there on the steps are 64, 128 ... bytes. A heap with caches makes blocks of class sizes only, up to the largest class
 * (`Arena.blockBytes`): each of them can be kept ready, and none is longer than asked for by more than an eighth.
 */
import { type Kind, MEDIUM, SMALL } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'
import { requireKnownOptions, requireOption } from '@vmalloc/memory'
import type { HeapParts } from '../composition.ts'
import * as L from './cache-layout.ts'

/** How much a thread may keep ready. */
export interface ThreadCacheOptions {
  /**
   * Threads that can have a cache at once; more threads go through the lock.
   * @defaultValue 32
   */
  readonly slots?: number
  /**
   * The most bytes kept ready in one size class; of blocks above 1 KiB a quarter of it, or two blocks. A class of which
   * no two blocks fit is not cached.
   * @defaultValue 16384 in a shared heap; 4096 in one of a single thread, which has no lock to avoid
   */
  readonly bytesPerClass?: number
  /**
   * The most blocks kept ready in one size class.
   * @defaultValue 256
   */
  readonly blocksPerClass?: number
  /**
   * Blocks above this size are not cached, marks included; at most 64 KiB. Up to it, blocks have the sizes of classes:
   * up to an eighth longer than asked for.
   * @defaultValue 4096
   */
  readonly maxBlock?: number
}

/** A size class: which blocks, how many at most, how many at once. */
export interface CacheClass {
  readonly blockSize: number
  readonly kind: Kind
  /** A list that has this many blocks gives half of them back before it takes another one. */
  readonly limit: number
  /** Blocks taken from the arena at once. */
  readonly batch: number
}

/** Bytes of the next class at or above a block size. */
export function roundUpToClass(blockSize: number): number {
  const step = 1 << Math.max(0, 31 - STEPS_PER_POWER_LOG2 - Math.clz32(blockSize - 1))
  return (blockSize + step - 1) & -step
}

const STEPS_PER_POWER_LOG2 = 3

/** A refill takes about this much, so that small heaps do not split ahead of their needs. */
const BATCH_BYTES = 2048
const MAX_BATCH_BLOCKS = 32

/** Above, one list would hold megabytes. */
export const MAX_BLOCK_BYTES: number = 2 ** 16

/** There are many classes of long blocks, and few blocks of each: lists of them keep a quarter, but two blocks at least. */
const LONG_BLOCK_BYTES = 1024
const LONG_BLOCK_SHARE = 4

const UNSHARED_BYTES_PER_CLASS = 4096

const DEFAULT_CACHE: Required<ThreadCacheOptions> = {
  slots: 32,
  bytesPerClass: 16384,
  blocksPerClass: 256,
  maxBlock: 4096,
}

/** @throws RangeError naming the option. */
export function resolveCacheOptions(
  options: ThreadCacheOptions,
  shared: boolean,
): Required<ThreadCacheOptions> {
  requireKnownOptions(options, Object.keys(DEFAULT_CACHE), 'threadCache')
  const bytesPerClass = shared ? DEFAULT_CACHE.bytesPerClass : UNSHARED_BYTES_PER_CLASS
  const resolved = { ...DEFAULT_CACHE, bytesPerClass, ...options }
  const rules: readonly [keyof ThreadCacheOptions, number, number][] = [
    ['slots', 1, 1024],
    ['bytesPerClass', 64, 2 ** 24],
    ['blocksPerClass', 2, 65535],
    ['maxBlock', 32, MAX_BLOCK_BYTES],
  ]
  for (const [name, least, most] of rules) {
    const value = resolved[name]
    const holds = Number.isInteger(value) && value >= least && value <= most
    requireOption(
      holds,
      `threadCache.${name}`,
      value,
      `it must be a whole number from ${least} to ${most}`,
    )
  }
  return resolved
}

/** The classes for the strategies of a heap, smallest first; class numbers begin at 1. */
export function planClasses(
  parts: HeapParts,
  overhead: number,
  options: Required<ThreadCacheOptions>,
): CacheClass[] {
  const classes: CacheClass[] = []
  const add = (blockSize: number, kind: Kind): void => {
    const { bytesPerClass, blocksPerClass } = options
    // A list of one block would be full or empty each time.
    if (2 * blockSize > bytesPerClass) return
    const bytes = blockSize > LONG_BLOCK_BYTES ? bytesPerClass / LONG_BLOCK_SHARE : bytesPerClass
    const limit = Math.min(Math.max(Math.floor(bytes / blockSize), 2), blocksPerClass)
    const batch = Math.max(
      1,
      Math.min(Math.floor(BATCH_BYTES / blockSize), MAX_BATCH_BLOCKS, limit >> 1),
    )
    classes.push({ blockSize, kind, limit, batch })
  }
  for (const { layer, maxPayload } of parts.small) add(layer.goodSize(maxPayload + overhead), SMALL)
  const first = (parts.small.at(-1)?.maxPayload ?? 0) + 1
  const classFrom = (blockSize: number): number =>
    parts.medium.layer.goodSize(roundUpToClass(parts.medium.layer.goodSize(blockSize)))
  for (let size = classFrom(first + overhead); ; size = classFrom(size + 1)) {
    if (size > options.maxBlock || size >= parts.largeFrom || classes.length === L.MAX_CLASSES - 1)
      break
    add(size, MEDIUM)
  }
  return classes
}

/**
 * What {@link planClasses} decided, laid out for looking up; shared by all caches of a handle. Both tables go by 16 bytes
 * of block, for every block is a multiple of that; they are plain arrays of small integers, which an engine reads in
 * fewer steps than typed ones.
 */
export interface ClassTables {
  /** For a request that needs 16 * i bytes: bits 0-7 its class times 2, from bit 8 on the bytes of its block; 0 when not cached. */
  readonly requestRows: readonly number[]
  /** For a block of 16 * i bytes: bits 0-7 its class times 2, 8-15 its kind, from bit 16 on the limit; 0 likewise. */
  readonly blockRows: readonly number[]
  /** By class; those of class 0 are 0. */
  readonly blockSizes: Int32Array
  readonly kinds: Uint8Array
  readonly limits: Int32Array
  readonly batches: Int32Array
  readonly maxPayload: number
  readonly maxBlock: number
}

/** @param blockBytes - Bytes of the block, marks included, that a request of so many bytes gets. */
export function tabulate(
  classes: readonly CacheClass[],
  overhead: number,
  blockBytes: (size: number) => number,
): ClassTables {
  const maxBlock = classes.at(-1)?.blockSize ?? 0
  const blockRows = new Array<number>((maxBlock >>> 4) + 1).fill(0)
  classes.forEach(({ blockSize, kind, limit }, index) => {
    blockRows[blockSize >>> 4] = ((index + 1) * 2) | (kind << 8) | (limit << 16)
  })
  const requestRows = blockRows.map((_, units) => {
    const most = 16 * units - overhead
    if (most < 1) return 0
    const bytes = blockBytes(most)
    const row = bytes > maxBlock ? 0 : blockRows[bytes >>> 4]
    // Where two sizes of a step get different blocks, none is cached.
    return row === 0 || blockBytes(Math.max(most - 15, 1)) !== bytes
      ? 0
      : (row & 255) | (bytes << 8)
  })
  return {
    requestRows,
    blockRows,
    blockSizes: Int32Array.from([0, ...classes.map((one) => one.blockSize)]),
    kinds: Uint8Array.from([0, ...classes.map((one) => one.kind)]),
    limits: Int32Array.from([0, ...classes.map((one) => one.limit)]),
    batches: Int32Array.from([0, ...classes.map((one) => one.batch)]),
    maxPayload: Math.max(0, maxBlock - overhead),
    maxBlock,
  }
}

/** Writes the class table; row 0 stays zero. */
export function writeClasses(
  memory: Memory,
  control: Address,
  classes: readonly CacheClass[],
): void {
  classes.forEach(({ blockSize, kind, limit, batch }, index) => {
    memory.u32.set([blockSize, kind, limit, batch], rowOf(control, index + 1))
  })
  memory.u32[(control >>> 2) + L.CLASSES] = classes.length
}

/** Reads the class table that the creator wrote. */
export function readClasses(memory: Memory, control: Address): CacheClass[] {
  const classes: CacheClass[] = []
  const count = Math.min(memory.u32[(control >>> 2) + L.CLASSES], L.MAX_CLASSES - 1)
  for (let index = 1; index <= count; index++) {
    const [blockSize, kind, limit, batch] = memory.u32.subarray(
      rowOf(control, index),
      rowOf(control, index) + 4,
    )
    classes.push({ blockSize, kind: kind as Kind, limit, batch })
  }
  return classes
}

function rowOf(control: Address, index: number): number {
  return (control + L.CLASSES_OFFSET_BYTES + index * L.CLASS_BYTES) >>> 2
}
