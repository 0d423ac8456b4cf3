/**
 * `ChunkPool`: chunks of one size from a singly linked free list.
 *
 * Features
 * - Allocate and free are a pop and a push; the chunk freed last is handed out first.
 * - Refills double, from a first one up to a cap, and are halved as long as the parent has no room.
 *
 * Basic design
 * - A refill is not linked at once but carved chunk by chunk, in ascending order, whenever the list is empty: the pages
 *   of a large refill are touched only when they are used.
 * - The link lies behind the bytes that the layer above wants left alone in a free chunk, usually its header.
 * - Regions are kept until `trim`, which gives those back of which nothing is in use (census.ts).
 *
 * Not safe against other threads by itself.
 */
import {
  type Address,
  type Checkable,
  InvariantError,
  LinkError,
  type Memory,
  MemoryError,
  type Region,
  type RegionAllocator,
  type RegionFinder,
  type RegionWalker,
  type Repairable,
  requireKnownOptions,
  requireOption,
  seal as sealWord,
  type Trimmable,
  type Walkable,
} from '@vmalloc/memory'
import { Census, type Tally } from './census.ts'
import * as L from './layout.ts'

// Copies of imports: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const seal: typeof sealWord = sealWord
const {
  CARVE_END,
  CARVE_NEXT,
  CHUNKS,
  CHUNK_SIZE,
  FREE_HEAD,
  KEEPS,
  LINK_BYTES,
  LINK_OFFSET,
  MAGIC,
  NEXT_REFILL,
  PHASE,
  POOL_CONTROL_BYTES,
  POOL_MAGIC,
  POOL_VERSION,
  REFILLS,
  REFILL_CAP,
  VERSION,
} = L

/** What a new pool hands out, and how much it asks its parent for. */
export interface ChunkPoolOptions {
  /** Bytes of a chunk, a multiple of 8, at least `linkOffset + 8`. */
  readonly chunkSize: number
  /**
   * Bytes of the first refill.
   * @defaultValue 4096
   */
  readonly firstRefill?: number
  /**
   * The most bytes of one refill.
   * @defaultValue 65536
   */
  readonly refillCap?: number
  /**
   * `address % 16` of every chunk, a multiple of 4: the marks' phase.
   * @defaultValue 0
   */
  readonly phase?: number
  /**
   * Bytes at the start of a free chunk that the pool leaves alone, a multiple of 4: the marks' header.
   * @defaultValue 0
   */
  readonly linkOffset?: number
  /**
   * Whether {@link ChunkPool.trim} gives regions back of which nothing is in use.
   * @defaultValue true
   */
  readonly release?: boolean
}

const OPTION_NAMES = ['chunkSize', 'firstRefill', 'refillCap', 'phase', 'linkOffset', 'release']

type Parent = RegionAllocator & Partial<RegionFinder>

/** A pool of chunks of one size. `allocate` gives 0 when its parent has no room; each call costs constant time. */
export class ChunkPool implements RegionAllocator, Checkable, Walkable, Repairable {
  declare readonly alignment: number
  /** Present when the parent can tell which region a chunk lies in, and the option `release` is on. */
  declare readonly trim?: Trimmable['trim']
  /** Bytes of a chunk. */
  declare readonly chunkSize: number
  declare private readonly memory: Memory
  declare private readonly parent: Parent
  /** Word index of the control block. */
  declare private readonly slots: number
  declare private readonly phase: number
  declare private readonly linkOffset: number
  declare private readonly secret: number

  private constructor(memory: Memory, control: Address, parent: Parent) {
    const slots = control >>> 2
    this.memory = memory
    this.parent = parent
    this.slots = slots
    this.phase = memory.u32[slots + PHASE]
    this.linkOffset = memory.u32[slots + LINK_OFFSET]
    this.secret = memory.secret | 0
    this.chunkSize = memory.u32[slots + CHUNK_SIZE]
    this.alignment = Math.min(this.chunkSize & -this.chunkSize, parent.alignment, 16)
    if (parent.regionOf !== undefined && memory.u32[slots + KEEPS] === 0)
      this.trim = () => this.giveBack(parent as RegionFinder)
  }

  /** Bytes of control area a pool takes. */
  static controlBytes(): number {
    return POOL_CONTROL_BYTES
  }

  /**
   * Formats a pool at `control`. It asks the parent for nothing until the first chunk is wanted.
   *
   * @throws RangeError naming the option.
   */
  static create(
    memory: Memory,
    control: Address,
    parent: Parent,
    options: ChunkPoolOptions,
  ): ChunkPool {
    requireKnownOptions(options, OPTION_NAMES, 'ChunkPool')
    const { chunkSize, firstRefill = 4096, refillCap = 65536, phase = 0, linkOffset = 0 } = options
    const { release = true } = options
    const whole = (value: number, unit: number): boolean =>
      Number.isInteger(value) && value >= 0 && value <= 2 ** 30 && value % unit === 0
    requireOption(whole(linkOffset, 4), 'linkOffset', linkOffset, 'it must be a multiple of 4')
    requireOption(whole(phase, 4) && phase < 16, 'phase', phase, 'it must be 0, 4, 8 or 12')
    requireOption(
      whole(chunkSize, 8) && chunkSize >= linkOffset + LINK_BYTES,
      'chunkSize',
      chunkSize,
      `it must be a multiple of 8, at least linkOffset + ${LINK_BYTES}`,
    )
    requireOption(
      whole(firstRefill, 1) && firstRefill >= chunkSize + phase,
      'firstRefill',
      firstRefill,
      'it must hold at least one chunk',
    )
    requireOption(
      whole(refillCap, 1) && refillCap >= firstRefill,
      'refillCap',
      refillCap,
      'it must be at least firstRefill',
    )
    const slots = control >>> 2
    const { u32 } = memory
    u32.fill(0, slots, slots + POOL_CONTROL_BYTES / 4)
    u32[slots + CHUNK_SIZE] = chunkSize
    u32[slots + NEXT_REFILL] = firstRefill
    u32[slots + REFILL_CAP] = refillCap
    u32[slots + PHASE] = phase
    u32[slots + LINK_OFFSET] = linkOffset
    u32[slots + KEEPS] = release ? 0 : 1
    u32[slots + VERSION] = POOL_VERSION
    u32[slots + MAGIC] = POOL_MAGIC
    return new ChunkPool(memory, control, parent)
  }

  /** Joins the pool at `control`; writes nothing. @throws `MemoryError` when there is none. */
  static attach(memory: Memory, control: Address, parent: Parent): ChunkPool {
    const slots = control >>> 2
    const { u32 } = memory
    if (u32[slots + MAGIC] !== POOL_MAGIC || u32[slots + VERSION] !== POOL_VERSION) {
      throw new MemoryError('NOT_A_HEAP', 'no chunk pool of this layout version', control)
    }
    const chunkSize = u32[slots + CHUNK_SIZE]
    const sane =
      chunkSize >= u32[slots + LINK_OFFSET] + LINK_BYTES &&
      chunkSize % 8 === 0 &&
      u32[slots + PHASE] < 16
    if (!sane)
      throw new MemoryError('NOT_A_HEAP', 'the control block of a chunk pool is damaged', control)
    return new ChunkPool(memory, control, parent)
  }

  goodSize(size: number): number {
    return Math.max(size, this.chunkSize)
  }

  /** Hot path: five loads, two stores, no call. */
  allocate(size: number): Address {
    const u32 = this.memory.u32
    const chunk = u32[this.slots + FREE_HEAD]
    if (chunk === 0 || size > this.chunkSize) return size > this.chunkSize ? 0 : this.carve()
    const link = (chunk + this.linkOffset) >>> 2
    const next = u32[link]
    if (seal(next, chunk ^ this.secret) !== u32[link + 1]) this.failLink(chunk)
    u32[this.slots + FREE_HEAD] = next
    return chunk
  }

  /** Hot path: one load, three stores. */
  deallocate(address: Address, _size: number): void {
    const u32 = this.memory.u32
    const next = u32[this.slots + FREE_HEAD]
    const link = (address + this.linkOffset) >>> 2
    u32[link] = next
    u32[link + 1] = seal(next, address ^ this.secret)
    u32[this.slots + FREE_HEAD] = address
  }

  /** Refills so far. */
  get refills(): number {
    return this.memory.u32[this.slots + REFILLS]
  }

  /** Chunks in the regions held from the parent. */
  get chunks(): number {
    return this.memory.u32[this.slots + CHUNKS]
  }

  /** Chunks that are free, counted one by one. @throws `InvariantError` when the list is damaged. */
  countFree(): number {
    let count = 0
    this.eachFree(() => count++)
    return count + this.uncarved()
  }

  check(): void {
    const { u32, byteLength } = this.memory
    const next = u32[this.slots + CARVE_NEXT]
    const end = u32[this.slots + CARVE_END]
    if (next > end || end > byteLength) {
      throw new InvariantError('small pool', 'the range to carve is not inside the memory', next)
    }
    this.countFree()
  }

  walker(): RegionWalker {
    const free = new Set<Address>()
    this.eachFree((chunk) => free.add(chunk))
    const next = this.memory.u32[this.slots + CARVE_NEXT]
    const end = this.memory.u32[this.slots + CARVE_END]
    return (address, size, visit) => {
      for (
        let chunk = this.firstChunk(address);
        chunk + this.chunkSize <= address + size;
        chunk += this.chunkSize
      ) {
        const uncarved = chunk >= next && chunk < end
        visit(chunk, this.chunkSize, !uncarved && !free.has(chunk))
      }
    }
  }

  /** Makes a new list of all chunks that are not in use, and leaves nothing to carve. */
  repair(regions: readonly Region[], usedBytes: (address: Address) => number): readonly Region[] {
    const { u32 } = this.memory
    u32[this.slots + FREE_HEAD] = 0
    u32[this.slots + CARVE_NEXT] = 0
    u32[this.slots + CARVE_END] = 0
    let chunks = 0
    for (const { address, length } of regions) {
      for (
        let chunk = this.firstChunk(address);
        chunk + this.chunkSize <= address + length;
        chunk += this.chunkSize
      ) {
        chunks++
        if (usedBytes(chunk) === 0) this.deallocate(chunk, this.chunkSize)
      }
    }
    u32[this.slots + CHUNKS] = chunks
    return []
  }

  /** The next chunk that was never used, refilling when there is none. */
  private carve(): Address {
    let u32 = this.memory.u32
    let chunk = u32[this.slots + CARVE_NEXT]
    if (chunk + this.chunkSize > u32[this.slots + CARVE_END]) {
      if (!this.refill()) return 0
      u32 = this.memory.u32
      chunk = u32[this.slots + CARVE_NEXT]
    }
    u32[this.slots + CARVE_NEXT] = chunk + this.chunkSize
    return chunk
  }

  private refill(): boolean {
    const wanted = this.memory.u32[this.slots + NEXT_REFILL]
    // Room for one chunk, wherever a narrowly aligned parent puts the region.
    const least = this.chunkSize + (this.parent.alignment >= 16 ? this.phase : 15)
    let bytes = Math.max(wanted, least)
    let region = this.parent.allocate(bytes)
    while (region === 0 && bytes > least) {
      bytes = Math.max(bytes >>> 1, least)
      region = this.parent.allocate(bytes)
    }
    if (region === 0) return false
    const u32 = this.memory.u32
    const first = this.firstChunk(region)
    const count = this.chunksIn({ address: region, length: this.parent.goodSize(bytes) })
    u32[this.slots + CARVE_END] = first + count * this.chunkSize
    u32[this.slots + CARVE_NEXT] = first
    u32[this.slots + CHUNKS] += count
    u32[this.slots + REFILLS]++
    u32[this.slots + NEXT_REFILL] = Math.min(wanted * 2, u32[this.slots + REFILL_CAP])
    return true
  }

  /**
   * Gives the regions of which nothing is in use back. Reads all of the list before it writes: a broken link changes
   * nothing. The list lets go of a region before the parent gets it.
   */
  private giveBack(finder: RegionFinder): number {
    const { u32 } = this.memory
    const { slots } = this
    const census = new Census(finder)
    const chunks: Address[] = []
    const tallies: Tally[] = []
    this.eachFree((chunk) => {
      chunks.push(chunk)
      tallies.push(census.add(chunk, 1))
    })
    const uncarved = this.uncarved()
    const carved = uncarved > 0 ? census.add(u32[slots + CARVE_NEXT], uncarved) : undefined
    const empty = new Set(
      [...census.tallies.values()].filter(({ region, free }) => free === this.chunksIn(region)),
    )
    if (empty.size === 0) return 0
    if (carved !== undefined && empty.has(carved)) {
      u32[slots + CARVE_NEXT] = 0
      u32[slots + CARVE_END] = 0
    }
    u32[slots + FREE_HEAD] = 0
    for (let i = chunks.length - 1; i >= 0; i--)
      if (!empty.has(tallies[i])) this.deallocate(chunks[i], this.chunkSize)
    let bytes = 0
    for (const { region, free } of empty) {
      u32[slots + CHUNKS] -= free
      bytes += region.length
      this.parent.deallocate(region.address, region.length)
    }
    return bytes
  }

  private firstChunk(region: Address): Address {
    return region + ((this.phase - region) & 15)
  }

  /** Chunks that a region is cut into. */
  private chunksIn({ address, length }: Region): number {
    return Math.floor((address + length - this.firstChunk(address)) / this.chunkSize)
  }

  private uncarved(): number {
    const { u32 } = this.memory
    return (u32[this.slots + CARVE_END] - u32[this.slots + CARVE_NEXT]) / this.chunkSize
  }

  /** Follows the free list, verifying each link first; at most as many steps as there are chunks. */
  private eachFree(visit: (chunk: Address) => void): void {
    const { u32, byteLength } = this.memory
    let left = this.chunks
    let chunk = u32[this.slots + FREE_HEAD]
    while (chunk !== 0) {
      if (chunk + this.chunkSize > byteLength || (chunk & 15) % 4 !== 0) {
        throw new InvariantError('small pool', 'the free list leads out of the memory', chunk)
      }
      if (left-- === 0) throw new InvariantError('small pool', 'the free list does not end', chunk)
      const link = (chunk + this.linkOffset) >>> 2
      const next = u32[link]
      if (seal(next, chunk ^ this.secret) !== u32[link + 1]) this.failLink(chunk)
      visit(chunk)
      chunk = next
    }
  }

  private failLink(chunk: Address): never {
    throw new LinkError('small pool', 'the link of a free chunk was overwritten', chunk)
  }
}
