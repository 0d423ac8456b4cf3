/**
 * `ThreadCache`: blocks that one thread keeps ready, so that most calls of `malloc` and `free` need neither the lock nor
 * any atomic operation.
 *
 * - Lists lie in the memory, in the thread's slot (cache-layout.ts): what a dead thread kept can be reclaimed.
 * - A cached block has the state "cached" in its header and a link, proved by a check word, behind it:
 *
 *     | header | next | next ^ block ^ secret |                     | footer |
 *
 * - A free from any thread goes to the cache of the thread that frees.
 * - A list that is full gives half of its blocks back, one that is empty takes a batch: a thread that only allocates and
 *   one that only frees meet in the arena once per batch.
 *
 * Only `refill`, `flush` and `release` touch the arena; they run under the lock.
 */
import type { CacheableMarking } from '@vmalloc/marking'
import { type Address, InvariantError, LinkError, type Memory } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import type { CacheClass } from './cache-classes.ts'
import * as layout from './cache-layout.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const { LISTS, REFILLS, FLUSHES } = layout
/** Word offsets of the counters, from {@link ThreadCache.counters} on. */
const LIVE = 0
const PEAK_LIVE = 1
const BLOCKS = 2

export class ThreadCache {
  /** Word index of the slot. */
  declare readonly slot: number
  /** Word index of the three counters that this thread keeps: its slot's, or the heap's own when it has one thread. */
  declare readonly counters: number
  declare private readonly memory: Memory
  declare private readonly marking: CacheableMarking
  declare private readonly arena: Arena
  declare private readonly classes: readonly CacheClass[]
  declare private readonly overhead: number
  declare private readonly headerBytes: number
  declare private readonly secret: number
  /** Class for a payload of i bytes, 0 when it is not cached. */
  declare private readonly classOfPayload: Uint8Array
  /** Class for a block of 16 * i bytes, 0 when it is not cached. */
  declare private readonly classOfBlock: Uint8Array
  declare private readonly blockSizes: Int32Array
  declare private readonly kinds: Uint8Array
  declare private readonly limits: Int32Array
  declare private readonly maxPayload: number
  declare private readonly maxBlock: number

  constructor(
    arena: Arena,
    marking: CacheableMarking,
    classes: readonly CacheClass[],
    slot: number,
    counters: number,
  ) {
    const maxBlock = classes.at(-1)?.blockSize ?? 0
    this.slot = slot
    this.counters = counters
    this.memory = arena.memory
    this.marking = marking
    this.arena = arena
    this.classes = classes
    this.overhead = arena.overhead
    this.headerBytes = marking.headerBytes
    this.secret = arena.memory.secret | 0
    this.maxBlock = maxBlock
    this.maxPayload = Math.max(0, maxBlock - arena.overhead)
    this.classOfPayload = new Uint8Array(this.maxPayload + 1)
    this.classOfBlock = new Uint8Array((maxBlock >>> 4) + 1)
    this.blockSizes = Int32Array.from([0, ...classes.map((one) => one.blockSize)])
    this.kinds = Uint8Array.from([0, ...classes.map((one) => one.kind)])
    this.limits = Int32Array.from([0, ...classes.map((one) => one.limit)])
    for (let size = 0; size <= this.maxPayload; size++) {
      const bytes = arena.blockBytes(Math.max(size, 1))
      this.classOfPayload[size] = 1 + classes.findIndex((one) => one.blockSize === bytes)
    }
    classes.forEach(({ blockSize }, index) => {
      this.classOfBlock[blockSize >>> 4] = index + 1
    })
  }

  /** Hot path. @returns A payload, or 0 when no block of that size is ready. */
  allocate(size: number): Address {
    if (size > this.maxPayload) return 0
    const u32 = this.memory.u32
    const cls = this.classOfPayload[size]
    const list = this.slot + LISTS + cls * 2
    const block = u32[list]
    if (block === 0) return 0
    const link = (block + this.headerBytes) >>> 2
    const next = u32[link]
    if ((next ^ block ^ this.secret) >>> 0 !== u32[link + 1]) this.failLink(list, block)
    u32[list] = next
    u32[list + 1]--
    const bytes = this.blockSizes[cls]
    const live = u32[this.counters + LIVE] + bytes - this.overhead
    u32[this.counters + LIVE] = live
    if (live > u32[this.counters + PEAK_LIVE]) u32[this.counters + PEAK_LIVE] = live
    u32[this.counters + BLOCKS]++
    return this.marking.fromCached(block, bytes)
  }

  /**
   * Hot path. @returns Whether the block was taken; `false` for one that the arena must free.
   * @throws `HeapCorruptionError`; then nothing was changed.
   */
  free(payload: Address): boolean {
    const marking = this.marking
    const block = marking.verify(payload)
    const bytes = marking.sizeAt(block)
    if (bytes > this.maxBlock || payload - block !== this.headerBytes) return false
    const cls = this.classOfBlock[bytes >>> 4]
    const u32 = this.memory.u32
    const list = this.slot + LISTS + cls * 2
    if (u32[list + 1] >= this.limits[cls] || this.kinds[cls] !== marking.kindAt(block)) return false
    if (this.blockSizes[cls] !== bytes) return false
    marking.toCached(block)
    const next = u32[list]
    const link = (block + this.headerBytes) >>> 2
    u32[link] = next
    u32[link + 1] = next ^ block ^ this.secret
    u32[list] = block
    u32[list + 1]++
    u32[this.counters + LIVE] -= bytes - this.overhead
    u32[this.counters + BLOCKS]--
    return true
  }

  /** Takes a batch of blocks for payloads of `size` bytes from the arena. @returns Whether there is one now. */
  refill(size: number): boolean {
    if (size > this.maxPayload) return false
    const cls = this.classOfPayload[size]
    if (cls === 0) return false
    const { blockSize, kind, batch } = this.classes[cls - 1]
    let taken = 0
    while (taken < batch) {
      const block = this.arena.takeBlock(kind, blockSize)
      if (block === 0) break
      this.marking.markCached(block, blockSize, kind)
      this.push(this.slot + LISTS + cls * 2, block)
      taken++
    }
    this.memory.u32[this.slot + REFILLS]++
    return taken > 0
  }

  /** Makes room in the list for blocks like `payload`'s: gives half of it back when it is full. */
  makeRoomFor(payload: Address): void {
    const block = this.marking.verify(payload)
    const bytes = this.marking.sizeAt(block)
    const cls = bytes > this.maxBlock ? 0 : this.classOfBlock[bytes >>> 4]
    const count = this.memory.u32[this.slot + LISTS + cls * 2 + 1]
    if (cls !== 0 && count >= this.limits[cls]) this.flush(cls, count >> 1)
  }

  /** Gives everything back to the arena. @returns Blocks and bytes given back. */
  release(): { blocks: number; bytes: number } {
    const given = { blocks: 0, bytes: 0 }
    this.classes.forEach(({ blockSize }, index) => {
      const before = given.blocks
      given.blocks += this.flush(index + 1, 2 ** 31)
      given.bytes += (given.blocks - before) * blockSize
    })
    return given
  }

  /** Visits the blocks kept ready, verifying each link first. @returns How many there are. */
  each(visit: (block: Address, bytes: number) => void): number {
    const { u32, byteLength } = this.memory
    let total = 0
    this.classes.forEach(({ blockSize, limit }, index) => {
      const list = this.slot + LISTS + (index + 1) * 2
      let steps = 0
      for (let block = u32[list]; block !== 0; ) {
        if (block + blockSize > byteLength || ++steps > limit + 1) {
          throw new InvariantError('thread cache', 'a list of ready blocks is damaged', block)
        }
        const link = (block + this.headerBytes) >>> 2
        const next = u32[link]
        if ((next ^ block ^ this.secret) >>> 0 !== u32[link + 1]) {
          throw new LinkError('thread cache', 'the link of a ready block was overwritten', block)
        }
        visit(block, blockSize)
        block = next
      }
      total += steps
    })
    return total
  }

  /** Number of ready blocks that each list counts; for checks. */
  count(): number {
    let total = 0
    for (let cls = 1; cls <= this.classes.length; cls++)
      total += this.memory.u32[this.slot + LISTS + cls * 2 + 1]
    return total
  }

  private push(list: number, block: Address): void {
    const u32 = this.memory.u32
    const next = u32[list]
    const link = (block + this.headerBytes) >>> 2
    u32[link] = next
    u32[link + 1] = next ^ block ^ this.secret
    u32[list] = block
    u32[list + 1]++
  }

  /** Gives up to `most` blocks of a class back. A block that is not in the state "cached" is left out, and lost. */
  private flush(cls: number, most: number): number {
    const { blockSize, kind } = this.classes[cls - 1]
    const list = this.slot + LISTS + cls * 2
    let given = 0
    for (; given < most; given++) {
      const u32 = this.memory.u32
      const block = u32[list]
      if (block === 0) break
      const link = (block + this.headerBytes) >>> 2
      const next = u32[link]
      if ((next ^ block ^ this.secret) >>> 0 !== u32[link + 1]) this.failLink(list, block)
      u32[list] = next
      u32[list + 1]--
      this.marking.toFreed(block)
      this.arena.giveBlock(kind, block, blockSize)
    }
    this.memory.u32[this.slot + FLUSHES]++
    return given
  }

  /** Drops a list whose head was overwritten, for it cannot be followed, and reports it. */
  private failLink(list: number, block: Address): never {
    this.memory.u32[list] = 0
    this.memory.u32[list + 1] = 0
    throw new LinkError('thread cache', 'the link of a ready block was overwritten', block)
  }
}
