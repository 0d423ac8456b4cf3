/**
 * `Heap`: the malloc family over one memory.
 *
 * - C's guarantees live here and only here: size 0, overflow of `count * size`, the rules of `realloc`.
 * - Locking lives here and only here: a shared heap takes the mutex around each operation, an unshared one has none.
 * - All state lies in the memory; a `Heap` object is a handle of one thread.
 */
import { isOwning } from '@vmalloc/marking'
import type { Address, Backing, Memory, MemoryHandle } from '@vmalloc/memory'
import type { Arena } from './arena.ts'
import * as args from './arguments.ts'
import { type Assembled, attachArena, createArena } from './assembly.ts'
import { type Addresses, requireAddresses, requireRoom } from './batch.ts'
import type { Composition } from './composition.ts'
import { DebugTools } from './debug/debug-tools.ts'
import { GuardedSession } from './debug/guarded-session.ts'
import { HeapFront } from './front/heap-front.ts'
import { LeakWatch } from './front/leak-watch.ts'
import { installPressure } from './front/pressure.ts'
import { restoreSnapshot } from './front/restore.ts'
import { SnapshotError } from './front/snapshot-error.ts'
import { installZeroing } from './front/zeroing.ts'
import {
  type AttachOptions,
  compositionFor,
  type HandleOptions,
  type HeapOptions,
  type RestoreOptions,
  requireAttachOptions,
  requirePatience,
  requireRestoreOptions,
  resolveHeapOptions,
} from './heap-options.ts'
import { readSettings, ZERO_ON_ALLOC, ZERO_ON_FREE } from './settings.ts'
import { type HeapStats, statsOf } from './stats.ts'
import {
  type DeathOptions,
  type DeathReport,
  reportDeath,
  reportDeathAsync,
  requireReporting,
} from './threads/death.ts'
import { adoptBlock, requireOwners } from './threads/owners.ts'
import { Session } from './threads/session.ts'
import { type HeapBlock, requireWalkable, walkArena } from './walk.ts'

/** What a Worker needs to attach: send it with `postMessage`. */
export type HeapHandle = MemoryHandle

const MAX_PLAIN_ALIGNMENT = 16
// Copies of imported functions: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const { explainSize, isWord, rejectAddress, requireAlignment, requireFunction, requireWaiting } =
  args

/** The malloc family over one memory; a handle of one thread. Made by {@link Heap.create} or {@link Heap.attach}. */
export class Heap extends HeapFront {
  declare protected readonly session: Session
  declare protected readonly watch: LeakWatch | undefined
  declare private readonly arena: Arena
  declare private readonly store: Memory

  private constructor({ arena, slots }: Assembled, options: HandleOptions) {
    super()
    const { onPressure, onLeak, patienceMs } = options
    // Read before a thread id is taken: who is refused leaves no trace.
    const { flags, softLimit } = readSettings(arena.memory)
    const { guard } = arena.parts
    this.session = guard?.session(arena, slots, options) ?? new Session(arena, slots)
    this.arena = arena
    this.store = arena.memory
    this.watch = onLeak === undefined ? undefined : new LeakWatch(onLeak)
    if (patienceMs !== undefined) this.patienceMs = patienceMs
    if (isOwning(arena.marking)) arena.marking.owner = this.session.threadId
    if ((flags & (ZERO_ON_ALLOC | ZERO_ON_FREE)) !== 0) installZeroing(this, this.session, flags)
    if (onPressure !== undefined) installPressure(this, onPressure, softLimit, arena)
  }

  /**
   * Makes a heap in a new memory, or in the caller's. Cost: a page or two are written; address space is reserved.
   *
   * @throws RangeError for a wrong or unknown option, TypeError when the options are no object; `MemoryError` when the
   * memory cannot hold a heap. Then nothing was written.
   */
  static create(options: HeapOptions = {}): Heap {
    const { memory, composition, threadCache, settings } = resolveHeapOptions(options)
    return new Heap(createArena(memory, composition, threadCache, settings), options)
  }

  /**
   * Joins a heap, usually one that another thread made. Writes nothing but a fresh thread id. Cost: constant.
   *
   * @param from - {@link Heap.handle}, or the memory itself when the heap begins at its address 0.
   * @throws `MemoryError` when there is no heap, or one of another layout version; RangeError when it is of another
   * composition, or for a wrong or unknown option.
   */
  static attach(from: HeapHandle | Backing, options: AttachOptions = {}): Heap {
    requireAttachOptions(options)
    const handle = isHandle(from) ? from : { memory: from, base: 0 }
    return new Heap(
      attachArena(handle, (name) => compositionFor(name, options.composition)),
      options,
    )
  }

  /**
   * Makes the heap that {@link Heap.snapshot} took: all addresses, data and free lists are the same. The handle goes on
   * with what the thread kept ready that took the snapshot; what other threads kept ready is room again.
   *
   * @param bytes - What `snapshot` gave.
   * @param options - Where to, and what `attach` takes. By default a new `WebAssembly.Memory`.
   * @throws `SnapshotError` for bytes of another version or damaged ones, a composition that is missing, or a memory
   * that is too short; TypeError, RangeError or `MemoryError` for arguments that are none. Then nothing was touched.
   * Cost: linear in the bytes; a second copy for a while when `memory` is given.
   */
  static restore(bytes: Uint8Array, options: RestoreOptions = {}): Heap {
    requireRestoreOptions(options)
    const choose = (name: string): Composition => {
      try {
        return compositionFor(name, options.composition)
      } catch (cause) {
        throw new SnapshotError('COMPOSITION', (cause as RangeError).message, { cause })
      }
    }
    return restoreSnapshot(bytes, options, (handle) => {
      const heap = new Heap(attachArena(handle, choose), options)
      return { heap, session: heap.session }
    })
  }

  /** What another thread needs to {@link Heap.attach}. Structured-cloneable when the memory is shared. */
  get handle(): HeapHandle {
    return this.store.handle
  }

  /** The memory with current views: `heap.memory.u8`. Ask anew after each operation, for views go stale on growth. */
  get memory(): Memory {
    return this.store.refresh()
  }

  /** Number of this attachment, unique in the life of the heap; 0 for a heap without threads. */
  get threadId(): number {
    return this.session.threadId
  }

  /**
   * Allocates `size` bytes, 16-aligned, with arbitrary content. `malloc(0)` gives a block that can be freed. Cost: a few
   * words when the thread keeps a block of that size ready, otherwise the lock and constant time.
   *
   * @returns The address, or 0 when there is no room.
   * @throws TypeError or RangeError when `size` is not a whole number of bytes; `HeapCorruptionError` `USE_AFTER_FREE` when
   * the block that was to be handed out was written to; `WouldBlockError` and `ReentrantLockError` as every call that
   * takes the lock.
   */
  malloc(size: number): Address {
    if (!isWord(size) && !explainSize('size', size)) return 0
    return this.session.allocate(size)
  }

  /**
   * Frees a block; `free(0)` does nothing. Cost: as {@link Heap.malloc}.
   *
   * @throws `HeapCorruptionError` when the pointer or the block is damaged, TypeError when `address` is no number. Then
   * nothing was freed, and the heap stays usable.
   */
  free(address: Address): void {
    if (address === 0) return
    if (!isWord(address)) rejectAddress(address)
    this.session.free(address)
  }

  /**
   * Allocates as many blocks of `size` bytes as `addresses` has elements, and writes their addresses there: all of them,
   * or none. Cost: one look at the lock and one pass, where as many calls of {@link Heap.malloc} need it over and over.
   *
   * @param addresses - Not a view of the memory of this heap.
   * @returns `false` when there is no room for all of them; then nothing was allocated, and the addresses are 0.
   * @throws TypeError when `addresses` is no such array; otherwise as {@link Heap.malloc}.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create({ shared: true })
   * const nodes = new Uint32Array(1000)
   * heap.allocMany(48, nodes) // => true
   * heap.freeMany(nodes)
   * heap.stats().blocks // => 0
   * ```
   */
  allocMany(size: number, addresses: Uint32Array): boolean {
    requireRoom(addresses, this.store)
    if (!isWord(size) && !explainSize('size', size)) {
      addresses.fill(0)
      return addresses.length === 0
    }
    return this.session.allocateMany(size === 0 ? 1 : size, addresses)
  }

  /**
   * Frees many blocks, of any sizes; addresses that are 0 are skipped. The array is not changed. Cost: one look at the lock
   * and one pass.
   *
   * @throws TypeError for what is no array.
   * @throws `HeapCorruptionError` for the first address that is no block, or a damaged one: its `index` says which. Those
   * before it are free then; it and all behind it are as they were.
   */
  freeMany(addresses: Addresses): void {
    requireAddresses(addresses)
    this.session.freeMany(addresses)
  }

  /**
   * Allocates an array of `count` elements of `size` bytes, all zero. Cost: as {@link Heap.malloc}, and filling, but not
   * of pages that were never used.
   *
   * @returns The address, or 0 when there is no room or the product is too big.
   * @throws As {@link Heap.malloc}.
   */
  calloc(count: number, size: number): Address {
    if (!isWord(count) && !explainSize('count', count)) return 0
    if (!isWord(size) && !explainSize('size', size)) return 0
    const bytes = count * size
    if (bytes > 0xffffffff) return 0
    return this.session.allocateZeroed(bytes === 0 ? 1 : bytes)
  }

  /**
   * Changes the size of a block, where it lies if possible. The first bytes, up to the smaller size, are kept.
   * `realloc(0, size)` allocates; `realloc(address, 0)` frees and gives 0. Cost: constant in place; a block that moves is
   * allocated, copied and freed.
   *
   * @returns The address, a new one if the block moved; 0 when there is no room, and then the old block is untouched. One
   * that shrinks is never refused.
   * @throws As {@link Heap.malloc} and {@link Heap.free}; then the old block is untouched.
   */
  realloc(address: Address, size: number): Address {
    if (address === 0) return this.malloc(size)
    if (!isWord(address)) rejectAddress(address)
    if (!isWord(size) && !explainSize('size', size)) return 0
    if (size === 0) {
      this.free(address)
      return 0
    }
    return this.session.reallocate(address, size)
  }

  /**
   * Allocates `size` bytes at a multiple of `alignment`. Freed, re-allocated and walked like any other block. Cost: the
   * lock and constant time.
   *
   * @param alignment - A power of two up to 1 GiB.
   * @returns The address, or 0 when there is no room.
   * @throws RangeError when `alignment` is no power of two; otherwise as {@link Heap.malloc}.
   */
  alignedAlloc(size: number, alignment: number): Address {
    requireAlignment(alignment)
    if (alignment <= MAX_PLAIN_ALIGNMENT) return this.malloc(size)
    if (!isWord(size) && !explainSize('size', size)) return 0
    return this.session.allocateAligned(size === 0 ? 1 : size, alignment)
  }

  /**
   * Bytes of a block that its owner may use, at least what was asked for; 0 for address 0. Cost: a few words.
   *
   * @throws As {@link Heap.free}.
   */
  usableSize(address: Address): number {
    if (address === 0) return 0
    if (!isWord(address)) rejectAddress(address)
    return this.arena.usableSize(address, this.session.verify(address))
  }

  /**
   * Usable bytes that a request of `size` bytes would get, at the least: `size` itself in `debug`, and for a size that no
   * memory can hold. Cost: a few words.
   *
   * @throws TypeError or RangeError when `size` is not a whole number of bytes.
   */
  goodSize(size: number): number {
    if (!isWord(size) && !explainSize('size', size)) return size
    return this.arena.goodSize(size === 0 ? 1 : size)
  }

  /** What a heap of the preset `debug` or `sampled` knows about its blocks; `undefined` for other heaps. */
  get debug(): DebugTools | undefined {
    const { session } = this
    return session instanceof GuardedSession ? new DebugTools(session) : undefined
  }

  /**
   * Figures of the heap, all sizes in bytes. Cost: linear in the number of free chunks and blocks.
   *
   * @throws `HeapCorruptionError` or `InvariantError` when a list that is counted is damaged.
   */
  stats(): HeapStats {
    return this.session.inspect(() => statsOf(this.session))
  }

  /**
   * Gives back what it can: the blocks that this thread keeps ready to the strategies, and regions in which nothing is in
   * use to the page source, where requests of every size can have them. To be called after a phase that needed much
   * memory. The page source keeps what it gets: a WebAssembly memory cannot shrink.
   *
   * What other threads keep ready stays theirs: they may call this too. Nor does it empty the quarantine of the preset
   * `debug`. A heap of the preset `classic` keeps its regions, as its model does.
   *
   * @returns Bytes that the page source got back. Cost: linear in the free chunks.
   * @throws `HeapCorruptionError` when a free block was written to; then the rest may have been given back.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const blocks = Array.from({ length: 10_000 }, () => heap.malloc(16))
   * for (const block of blocks) heap.free(block)
   * heap.trim() > 300_000 // => true
   * heap.stats().mapped - heap.stats().meta // => 0
   * ```
   */
  trim(): number {
    return this.session.trim()
  }

  /**
   * Verifies the whole heap. Cost: linear in the heap, under the lock.
   *
   * @throws `HeapCorruptionError` for the first thing that is wrong. A broken invariant of a layer is named in its message, and
   * is its `cause`.
   */
  check(): void {
    this.session.check()
  }

  /**
   * Visits every block and every free piece in address order, under the lock: the visitor must not use the heap. Cost:
   * linear in the pieces.
   *
   * @throws What `visit` throws; `InvariantError` when a structure is damaged; `NotWalkableError` when a strategy of the
   * composition cannot list its blocks; TypeError when `visit` is no function.
   */
  walk(visit: (block: HeapBlock) => void): void {
    requireFunction('visit', visit)
    this.session.inspect(() => {
      requireWalkable(this.arena)
      walkArena(this.arena, visit, this.session.slots)
    })
  }

  /**
   * Like {@link Heap.malloc}, but gives 0 at once, instead of waiting, when another thread holds the lock. Cost: likewise.
   *
   * @throws As {@link Heap.malloc}, but never `WouldBlockError`.
   */
  tryMalloc(size: number): Address {
    if (!isWord(size) && !explainSize('size', size)) return 0
    return this.session.tryAllocate(size === 0 ? 1 : size)
  }

  /**
   * Like {@link Heap.malloc}, but never blocks the thread: for the window of a browser. Cost: likewise, and a promise.
   *
   * @param options - `signal`: gives up waiting for the lock with the signal's reason.
   * @throws As {@link Heap.malloc}, in the promise, but never `WouldBlockError`; RangeError for a wrong or unknown option.
   */
  async mallocAsync(
    size: number,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Address> {
    requireWaiting(options)
    if (!isWord(size) && !explainSize('size', size)) return 0
    return this.session.allocateAsync(size === 0 ? 1 : size, options.signal)
  }

  /**
   * Like {@link Heap.free}, but never blocks the thread. Cost: likewise, and a promise.
   *
   * @param options - `signal`: gives up waiting for the lock with the signal's reason; then nothing was freed.
   * @throws As {@link Heap.free}, in the promise, but never `WouldBlockError`; RangeError for a wrong or unknown option.
   */
  async freeAsync(
    address: Address,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    requireWaiting(options)
    if (address === 0) return
    if (!isWord(address)) rejectAddress(address)
    return this.session.freeAsync(address, options.signal)
  }

  /**
   * Ends this attachment: gives the blocks that this thread keeps ready back, and its slot to the next. The heap object
   * can still be used, through the lock. Call it before a Worker ends. Cost: linear in what it keeps ready.
   *
   * @throws `HeapCorruptionError` `USE_AFTER_FREE` when a block that was ready was written to; it is detached all the same.
   */
  detach(): void {
    this.session.detach()
  }

  /**
   * Tells the heap that a thread is dead: repairs what it left half done, reclaims what it kept ready, and releases the
   * lock if it held it. Call it only with proof: a Worker's `exit` event or an awaited `terminate()` ({@link watchWorker}),
   * a Web Lock that it held ({@link watchThread}).
   *
   * Waits for the lock when another thread holds it, and waits for ever when that one is dead and its death is not
   * reported: where the proofs arrive as events, use {@link Heap.reportDeadAsync}.
   *
   * @param threadId - {@link Heap.threadId} of the dead attachment.
   * @param options - `freeBlocks`: also frees every block that the dead thread had, in a heap with `ownerTags`. What
   * others still need they must have taken over before, see {@link Heap.adopt}.
   * @returns What was found and repaired. Cost: linear in the heap when the thread died inside an operation, and with
   * `freeBlocks`.
   * @throws RangeError when `threadId` is this heap's own, or was never given; for a wrong or unknown option, and for
   * `freeBlocks` in a heap without `ownerTags`.
   */
  reportDead(threadId: number, options: Omit<DeathOptions, 'signal'> = {}): DeathReport {
    requireReporting(options, ['freeBlocks'])
    return reportDeath(this.session, threadId, options)
  }

  /**
   * Like {@link Heap.reportDead}, but never blocks the thread. Cost: likewise, and a promise.
   *
   * @param options - As there; `signal`: gives up waiting for the lock with the signal's reason.
   * @throws As {@link Heap.reportDead}, in the promise.
   */
  async reportDeadAsync(threadId: number, options: DeathOptions = {}): Promise<DeathReport> {
    requireReporting(options, ['freeBlocks', 'signal'])
    return reportDeathAsync(this.session, threadId, options)
  }

  /**
   * Takes a block over that another thread handed to this one: from now on it is not freed with what that thread had
   * when its death is reported, but with what this one had; `adopt(0)` does nothing. Nothing else needs such a call: a block belongs to
   * the thread that allocated it, or re-allocated it. For heaps with `ownerTags`. Cost: the lock and a few words.
   *
   * @throws RangeError for a heap without `ownerTags`; otherwise as {@link Heap.free}. Then nothing was changed.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create({ shared: true, ownerTags: true })
   * const other = Heap.attach(heap.handle) // in a Worker
   * const [kept, left] = [other.malloc(100), other.malloc(100)]
   * heap.adopt(kept)
   * const { freedBlocks } = heap.reportDead(other.threadId, { freeBlocks: true }) // the Worker was terminated
   * freedBlocks // => 1
   * heap.free(kept)
   * ```
   */
  adopt(address: Address): void {
    requireOwners(this.arena, 'adopt')
    if (address === 0) return
    if (!isWord(address)) rejectAddress(address)
    adoptBlock(this.session, address)
  }

  /**
   * Milliseconds that a call of this handle waits for the lock before it throws `WouldBlockError`. By default for ever.
   * Give a bound to a thread that learns of deaths by events: while it sleeps it learns nothing. The window of a browser
   * never waits longer than about 2 ms, whatever this says. Without threads it means nothing.
   */
  get patienceMs(): number {
    return this.session.mutex?.patienceMs ?? Number.POSITIVE_INFINITY
  }

  set patienceMs(milliseconds: number) {
    requirePatience(milliseconds)
    if (this.session.mutex !== null) this.session.mutex.patienceMs = milliseconds
  }
}

function isHandle(from: HeapHandle | Backing): from is HeapHandle {
  const isObject = typeof from === 'object' && from !== null
  return isObject && Object.hasOwn(from, 'base') && Object.hasOwn(from, 'memory')
}
