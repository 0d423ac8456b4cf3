/**
 * `ThreadCache`: blocks that one thread keeps ready, so that most calls of `malloc` and `free` need neither the lock nor
 * any atomic operation.
 *
 * - Lists lie in the memory, in the thread's slot (cache-layout.ts): what a dead thread kept can be reclaimed.
 * - A cached block has the state "cached" in its header and a link, proved by its seal, behind it:
 *
 *     | header | next | seal of it |                     | footer |
 *
 * - A free from any thread goes to the cache of the thread that frees.
 * - A list that is full gives half of its blocks back, one that is empty takes a batch: a thread that only allocates and
 *   one that only frees meet in the arena once per batch.
 *
 * Order of stores: a block is in a list before its header says "cached", and says "used" or "freed" before it leaves the
 * list. So a thread can die, or an error be thrown, anywhere: at most the first block of one list has a header of another
 * state, and {@link ThreadCache.settle} knows what was meant. What stands between verifying a block and the last store
 * calls nothing that needs more stack than the verification did.
 *
 * Only `refill`, `flush`, `settle` and `release` touch the arena or other threads' slots; they run under the lock.
 */
import { type CacheableMarking, HeapCorruptionError } from '@vmalloc/marking'
import { type Address, InvariantError, type Memory, seal as sealWord } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import type { ClassTables } from './cache-classes.ts'
import * as layout from './cache-layout.ts'

// Copies of imports: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const seal: typeof sealWord = sealWord
const { FLUSHES, LISTS, NET_BYTES, REFILLS, TAKEN_BLOCKS, TAKEN_BYTES } = layout
/** Word offsets of the counters, from {@link ThreadCache.counters} on, where the live bytes are. */
const PEAK_LIVE = 1
const BLOCKS = 2
const KIND_MASK = 3

/** Blocks given back to the arena. */
export interface Released {
  readonly blocks: number
  /** Bytes, marks included. */
  readonly bytes: number
  /** The first list that could not be followed, because somebody wrote to a block in it after freeing it. */
  readonly broken: HeapCorruptionError | undefined
}

/** Blocks, and usable bytes of them, modulo 2^32. */
export interface Count {
  readonly blocks: number
  readonly live: number
}

export class ThreadCache {
  /** Word index of the slot. */
  declare readonly slot: number
  /** Word index of the heap's own counters in a heap of one thread; 0 where what each thread did follows from its slot. */
  declare readonly counters: number
  declare private readonly memory: Memory
  declare private readonly marking: CacheableMarking
  declare private readonly arena: Arena
  declare private readonly overhead: number
  declare private readonly headerBytes: number
  declare private readonly headerWords: number
  declare private readonly secret: number
  /** Word index of the lists. */
  declare private readonly lists: number
  declare private readonly requestRows: readonly number[]
  declare private readonly blockRows: readonly number[]
  declare private readonly blockSizes: Int32Array
  declare private readonly kinds: Uint8Array
  declare private readonly limits: Int32Array
  declare private readonly batches: Int32Array
  declare private readonly maxPayload: number
  declare private readonly maxBlock: number
  /** The largest `bytes | kind` of a block that may be cached. */
  declare private readonly maxPlain: number
  /** What is added to a request before it is divided by 16. */
  declare private readonly rounding: number

  constructor(
    arena: Arena,
    marking: CacheableMarking,
    tables: ClassTables,
    slot: number,
    counters: number,
  ) {
    this.slot = slot
    this.counters = counters
    this.memory = arena.memory
    this.marking = marking
    this.arena = arena
    this.overhead = arena.overhead
    this.headerBytes = marking.headerBytes
    this.headerWords = marking.headerBytes / 4
    this.secret = arena.memory.secret | 0
    this.lists = slot + LISTS
    this.requestRows = tables.requestRows
    this.blockRows = tables.blockRows
    this.blockSizes = tables.blockSizes
    this.kinds = tables.kinds
    this.limits = tables.limits
    this.batches = tables.batches
    this.maxPayload = tables.maxPayload
    this.maxBlock = tables.maxBlock
    this.maxPlain = tables.maxBlock | KIND_MASK
    this.rounding = arena.overhead + 15
  }

  /**
   * Hot path. @returns A payload; 0 when no block of that size is ready, or when something is unusual: a view of a buffer
   * that was detached, a link that was overwritten.
   * @param size - Payload bytes; 0 counts as 1.
   */
  allocate(size: number): Address {
    if (size > this.maxPayload) return 0
    const u32 = this.memory.u32
    const row = this.requestRows[(size + this.rounding) >>> 4]
    const list = this.lists + (row & 255)
    const block = u32[list]
    if (block === 0) return 0
    const link = (block >>> 2) + this.headerWords
    const next = u32[link]
    // Of a buffer that was detached all words are undefined, which differs too.
    if (seal(next, block ^ this.secret) !== u32[link + 1]) return 0
    const bytes = row >>> 8
    const payload = this.marking.fromCached(u32, block, bytes)
    u32[list] = next
    u32[list + 1]--
    const { counters } = this
    if (counters !== 0) {
      const live = (u32[counters] + bytes - this.overhead) >>> 0
      u32[counters] = live
      if (live > u32[counters + PEAK_LIVE]) u32[counters + PEAK_LIVE] = live
      u32[counters + BLOCKS]++
    }
    return payload
  }

  /**
   * Hot path. @returns Whether the block was taken; `false` when there is no room for it, or when something is unusual:
   * a block behind the end of the view, no sound block, one that caches do not take. Then nothing was changed.
   */
  free(payload: Address): boolean {
    const { marking } = this
    const { u32, byteLength } = this.memory
    const plain = marking.plainAt(payload, u32, byteLength)
    // Unsigned: a block of 2 GiB and more is none for a cache.
    if (plain === 0 || plain >>> 0 > this.maxPlain) return false
    const row = this.blockRows[plain >>> 4]
    const list = this.lists + (row & 255)
    const count = u32[list + 1]
    if (count >= row >>> 16 || ((row >>> 8) & 255) !== (plain & KIND_MASK)) return false
    const block = payload - this.headerBytes
    const next = u32[list]
    const link = payload >>> 2
    u32[link] = next
    u32[link + 1] = seal(next, block ^ this.secret)
    u32[list] = block
    u32[list + 1] = count + 1
    const { counters } = this
    if (counters !== 0) {
      u32[counters] -= (plain & ~KIND_MASK) - this.overhead
      u32[counters + BLOCKS]--
    }
    marking.toCached(u32, block)
    return true
  }

  /**
   * Takes a batch of blocks for payloads of `size` bytes from the arena, when {@link ThreadCache.allocate} gave none.
   *
   * @returns Whether there is one now.
   */
  refill(size: number): boolean {
    if (size > this.maxPayload) return false
    const cls = (this.requestRows[(size + this.rounding) >>> 4] & 255) >>> 1
    if (cls === 0) return false
    const blockSize = this.blockSizes[cls]
    const kind = this.kinds[cls] as 0 | 1
    const list = this.slot + LISTS + cls * 2
    // Blocks are ready, but the hot path would not touch them.
    if (this.memory.u32[list] !== 0) throw this.dropList(cls)
    let taken = 0
    for (; taken < this.batches[cls]; taken++) {
      const block = this.arena.takeBlock(kind, blockSize)
      if (block === 0) break
      const u32 = this.memory.u32
      const next = u32[list]
      const link = (block + this.headerBytes) >>> 2
      u32[link] = next
      u32[link + 1] = seal(next, block ^ this.secret)
      u32[list] = block
      u32[list + 1]++
      u32[this.slot + TAKEN_BLOCKS]++
      u32[this.slot + TAKEN_BYTES] += blockSize - this.overhead
      this.marking.markCached(block, blockSize, kind)
    }
    this.memory.u32[this.slot + REFILLS]++
    return taken > 0
  }

  /**
   * Makes room in the list for blocks of `bytes` bytes: gives half of it back when it is full.
   *
   * @returns Whether there is a list for such blocks.
   */
  makeRoomFor(bytes: number): boolean {
    const cls = bytes > this.maxBlock ? 0 : (this.blockRows[bytes >>> 4] & 255) >>> 1
    if (cls === 0) return false
    const count = this.memory.u32[this.slot + LISTS + cls * 2 + 1]
    if (count < this.limits[cls]) return true
    const { broken } = this.flush(cls, count >> 1)
    if (broken !== undefined) throw broken
    return true
  }

  /** Gives everything back to the arena. */
  release(): Released {
    let blocks = 0
    let bytes = 0
    let broken: HeapCorruptionError | undefined
    for (let cls = 1; cls < this.blockSizes.length; cls++) {
      const flushed = this.flush(cls, 2 ** 32)
      blocks += flushed.given
      bytes += flushed.given * this.blockSizes[cls]
      broken ??= flushed.broken
    }
    return { blocks, bytes, broken }
  }

  /**
   * Makes good what a thread left half done in its own lists: it is dead, or an error cut it short and it does not use
   * them. Before the arena is repaired, for that writes into free blocks. Can be cut short itself, and begun again.
   *
   * @returns The error of the first list that had to be dropped, because a link in it was overwritten.
   */
  settle(): HeapCorruptionError | undefined {
    let broken: HeapCorruptionError | undefined
    for (let cls = 1; cls < this.blockSizes.length; cls++) {
      const { u32 } = this.memory
      const list = this.slot + LISTS + cls * 2
      const first = u32[list]
      const state = first === 0 ? 'cached' : this.marking.stateAt(first)
      // It was about to be handed out, and nobody has it, or its owner has given it back.
      if (state === 'used') this.marking.toCached(u32, first)
      // It was being taken from the arena, or given back to it: there it will be found.
      else if (state !== 'cached') {
        const next = this.linkOf(first)
        if (next === undefined) broken ??= this.dropList(cls)
        else u32[list] = next
      }
      const length = this.lengthOf(cls)
      if (length === undefined) broken ??= this.dropList(cls)
      else u32[list + 1] = length
    }
    return broken
  }

  /** Visits the blocks kept ready, verifying each link first. @returns How many there are. */
  each(visit: (block: Address, bytes: number) => void): number {
    const { u32, byteLength } = this.memory
    let total = 0
    for (let cls = 1; cls < this.blockSizes.length; cls++) {
      const blockSize = this.blockSizes[cls]
      let steps = 0
      for (let block = u32[this.slot + LISTS + cls * 2]; block !== 0; ) {
        if (block + blockSize > byteLength || ++steps > this.limits[cls] + 1) {
          throw new InvariantError('thread cache', 'a list of ready blocks is damaged', block)
        }
        const next = this.linkOf(block)
        if (next === undefined) throw this.writtenTo(block, cls)
        visit(block, blockSize)
        block = next
      }
      total += steps
    }
    return total
  }

  /** Number of ready blocks that the lists count, and the usable bytes of them. */
  ready(): Count {
    const { u32 } = this.memory
    let blocks = 0
    let live = 0
    for (let cls = 1; cls < this.blockSizes.length; cls++) {
      const count = u32[this.slot + LISTS + cls * 2 + 1]
      blocks += count
      live += count * (this.blockSizes[cls] - this.overhead)
    }
    return { blocks, live }
  }

  /** What the thread allocated minus what it freed. */
  net(): Count {
    const { u32 } = this.memory
    const { slot } = this
    const ready = this.ready()
    return {
      blocks: (u32[slot + TAKEN_BLOCKS] - ready.blocks) >>> 0,
      live: (u32[slot + TAKEN_BYTES] - ready.live) >>> 0,
    }
  }

  /** Notes in the slot what {@link ThreadCache.net} is now, for those who sum up all threads. */
  noteNet(): void {
    this.memory.u32[this.slot + NET_BYTES] = this.net().live
  }

  /** Gives up to `most` blocks of a class back. */
  private flush(
    cls: number,
    most: number,
  ): { readonly given: number; readonly broken: HeapCorruptionError | undefined } {
    const blockSize = this.blockSizes[cls]
    const kind = this.kinds[cls] as 0 | 1
    const list = this.slot + LISTS + cls * 2
    let given = 0
    let broken: HeapCorruptionError | undefined
    for (; given < most; given++) {
      const u32 = this.memory.u32
      const block = u32[list]
      if (block === 0) break
      const next = this.linkOf(block)
      if (next === undefined) {
        broken = this.dropList(cls)
        break
      }
      this.marking.toFreed(block)
      u32[list] = next
      u32[list + 1]--
      u32[this.slot + TAKEN_BLOCKS]--
      u32[this.slot + TAKEN_BYTES] -= blockSize - this.overhead
      this.arena.giveBlock(kind, block, blockSize)
    }
    if (given > 0) this.memory.u32[this.slot + FLUSHES]++
    return { given, broken }
  }

  /** The block behind a ready one, 0 for the last; `undefined` when the link was overwritten. */
  private linkOf(block: Address): Address | undefined {
    const { u32 } = this.memory
    const link = (block + this.headerBytes) >>> 2
    const next = u32[link]
    return seal(next, block ^ this.secret) === u32[link + 1] ? next : undefined
  }

  /** Number of blocks in a list; `undefined` when a link in it was overwritten. */
  private lengthOf(cls: number): number | undefined {
    let length = 0
    let block: Address | undefined = this.memory.u32[this.slot + LISTS + cls * 2]
    // In the middle of a free there is one more than the limit.
    for (; block !== undefined && block !== 0; length++) {
      if (length > this.limits[cls]) return undefined
      block = this.linkOf(block)
    }
    return block === undefined ? undefined : length
  }

  /**
   * Drops a list in which a link was overwritten: what lies behind it cannot be found again. Its blocks are leaked, and
   * from now on count as in use. @returns The error.
   */
  private dropList(cls: number): HeapCorruptionError {
    const { u32 } = this.memory
    const list = this.slot + LISTS + cls * 2
    const error = this.writtenTo(u32[list], cls)
    u32[list] = 0
    u32[list + 1] = 0
    return error
  }

  private writtenTo(block: Address, cls: number): HeapCorruptionError {
    const { marking, memory } = this
    const payload = block + this.headerBytes
    const hint = 'thread cache: the link of a ready block was overwritten'
    // The head of a list itself: no block lies there.
    if (
      (payload & 15) !== 0 ||
      payload + this.blockSizes[cls] > memory.byteLength + marking.headerBytes
    )
      return new HeapCorruptionError('CORRUPT_METADATA', (this.lists + cls * 2) * 4, { hint })
    return new HeapCorruptionError('USE_AFTER_FREE', payload, {
      size: this.blockSizes[cls] - this.overhead,
      kind: this.kinds[cls] as 0 | 1,
      offset: 0,
      hint,
    })
  }
}
