/**
 * `Fit`: good-fit allocator with sizes in whole granules.
 *
 * Features
 * - Constant time: a block is found by two bit scans, neighbours by one side bit each, however many blocks there are.
 * - Sizes are rounded to a granule only, where a buddy rounds to a power of two: on recorded programs the heap's peak is
 *   1.27 times what is live, with the buddy 1.79 times.
 * - Neighbours that are free join at once; wholly free regions go back to the parent (option).
 *
 * Basic design
 * - Free blocks stand in lists by size (free-blocks.ts). A block that is too long is cut; the rest stays free behind it.
 * - A side bit marks the first and the last granule of every free block (layout.ts): that is all a freed block must know
 *   of its neighbours. The bits lie outside the blocks, so no payload can forge them.
 * - Regions and their side bits: RegionSet in @vmalloc/memory.
 *
 * Not safe against other threads by itself.
 */
import {
  type Address,
  type Checkable,
  type InPlaceResizer,
  InvariantError,
  type Memory,
  MemoryError,
  type Owner,
  type PieceVisitor,
  type Region,
  type RegionAllocator,
  RegionSet,
  type RegionTenant,
  type RegionWalker,
  type Repairable,
  SIDE_BACK_BYTES as sideBackBytes,
  type Trimmable,
  type Walkable,
} from '@vmalloc/memory'
import { checkFit } from './check.ts'
import { FreeBlocks } from './free-blocks.ts'
import * as L from './layout.ts'
import { type FitOptions, resolveOptions } from './options.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const { FIT_MAGIC, FIT_VERSION, GRANULE_BITS, LINK_OFFSET, MAGIC, PHASE } = L
const { REGIONS_OFFSET_BYTES, VERSION } = L
const SIDE_BACK_BYTES: number = sideBackBytes
/** Blocks up to this many granules have a list, and up to this many bytes 32-bit arithmetic is exact. */
const MAX_GRANULES = 2 ** 23
const MAX_BLOCK_BYTES = 2 ** 30

/** Good fit in whole granules. `allocate` gives 0 when its parent has no room; each call costs constant time. */
export class Fit
  implements RegionAllocator, InPlaceResizer, Owner, Checkable, Walkable, Repairable, RegionTenant
{
  readonly alignment: number = 16
  /** Present when the option `release` is on. */
  declare readonly trim?: Trimmable['trim']
  /** log2 of the bytes of a granule. */
  declare readonly granuleBits: number
  /** @internal */
  declare readonly blocks: FreeBlocks
  /** @internal */
  declare readonly regions: RegionSet
  declare private readonly memory: Memory
  declare private readonly slots: number
  declare private readonly granuleMask: number
  /** Longer blocks cannot be asked for. */
  declare private readonly maxBytes: number

  private constructor(memory: Memory, control: Address, regions: RegionSet) {
    this.memory = memory
    this.slots = control >>> 2
    this.granuleBits = memory.u32[this.slots + GRANULE_BITS]
    this.granuleMask = (1 << this.granuleBits) - 1
    this.maxBytes = Math.min(MAX_GRANULES * 2 ** this.granuleBits, MAX_BLOCK_BYTES)
    this.blocks = new FreeBlocks(memory, this.slots)
    this.regions = regions
    if (regions.releases) this.trim = () => regions.trim(this)
  }

  /** Bytes of control area that a fit in a memory of `maximum` bytes takes. */
  static controlBytes(maximum: number): number {
    return REGIONS_OFFSET_BYTES + RegionSet.controlBytes(maximum)
  }

  /**
   * Formats a fit at `control`. It asks the parent for nothing until the first block is wanted.
   *
   * @throws RangeError naming the option.
   */
  static create(
    memory: Memory,
    control: Address,
    parent: RegionAllocator,
    options: FitOptions = {},
  ): Fit {
    const { granule, linkOffset, ...plan } = resolveOptions(options)
    const { u32 } = memory
    const slots = control >>> 2
    const granuleBits = 31 - Math.clz32(granule)
    u32.fill(0, slots, slots + REGIONS_OFFSET_BYTES / 4)
    u32[slots + GRANULE_BITS] = granuleBits
    u32[slots + PHASE] = plan.phase
    u32[slots + LINK_OFFSET] = linkOffset
    const regions = RegionSet.create(memory, control + REGIONS_OFFSET_BYTES, parent, {
      ...plan,
      granuleBits,
      exact: false,
      sideBits: 1,
    })
    u32[slots + VERSION] = FIT_VERSION
    u32[slots + MAGIC] = FIT_MAGIC
    return new Fit(memory, control, regions)
  }

  /** Joins the fit at `control`; writes nothing. @throws `MemoryError` when there is none. */
  static attach(memory: Memory, control: Address, parent: RegionAllocator): Fit {
    const { u32 } = memory
    const slots = control >>> 2
    const granuleBits = u32[slots + GRANULE_BITS]
    const sane =
      u32[slots + MAGIC] === FIT_MAGIC &&
      u32[slots + VERSION] === FIT_VERSION &&
      granuleBits >= 4 &&
      granuleBits <= 12 &&
      u32[slots + LINK_OFFSET] + L.HEAD_BYTES + L.TAIL_BYTES <= 1 << granuleBits
    if (!sane) throw new MemoryError('NOT_A_HEAP', 'no fit of this layout version', control)
    return new Fit(
      memory,
      control,
      RegionSet.attach(memory, control + REGIONS_OFFSET_BYTES, parent),
    )
  }

  goodSize(size: number): number {
    if (size > this.maxBytes) return size
    return ((size + this.granuleMask) & ~this.granuleMask) >>> 0
  }

  allocate(size: number): Address {
    if (size > this.maxBytes) return 0
    const granules = (size + this.granuleMask) >>> this.granuleBits
    const block = this.blocks.find(granules, false)
    return block === 0 ? this.allocateElsewhere(granules) : this.cut(block, granules)
  }

  deallocate(address: Address, size: number): void {
    const { blocks, granuleBits } = this
    const origin = this.regions.originOf(address)
    if (origin === 0)
      throw new InvariantError('fit', 'a block outside all regions was freed', address)
    const total = this.regions.granules(origin)
    let index = (address - origin) >>> granuleBits
    let granules = (size + this.granuleMask) >>> granuleBits
    const right = index + granules
    if (right < total && this.isEnd(origin, right)) {
      granules += blocks.unlink(origin + (right << granuleBits))
      this.setEnd(origin, right, false)
    }
    if (index > 0 && this.isEnd(origin, index - 1)) {
      const left = blocks.startFromTail(origin + (index << granuleBits))
      if (left === 0) blocks.failLink(this.leftOf(origin, index))
      const leftGranules = blocks.unlink(left)
      if (leftGranules > 1) this.setEnd(origin, index - 1, false)
      index -= leftGranules
      granules += leftGranules
    }
    this.addFree(origin, index, granules)
    if (granules === total) this.regions.releaseEmpty(origin, this)
  }

  /** In place: a shorter block frees its end, a longer one takes from the free block behind it. */
  resize(address: Address, oldSize: number, newSize: number): boolean {
    const { blocks, granuleBits } = this
    const oldGranules = (oldSize + this.granuleMask) >>> granuleBits
    const granules = (newSize + this.granuleMask) >>> granuleBits
    if (granules < oldGranules) {
      this.deallocate(address + (granules << granuleBits), (oldGranules - granules) << granuleBits)
      return true
    }
    if (granules === oldGranules) return true
    const origin = this.regions.originOf(address)
    const right = ((address - origin) >>> granuleBits) + oldGranules
    if (right >= this.regions.granules(origin) || !this.isEnd(origin, right)) return false
    const more = granules - oldGranules
    const behind = origin + (right << granuleBits)
    if (blocks.granulesOf(behind) < more) return false
    const free = blocks.unlink(behind)
    this.setEnd(origin, right, false)
    if (free === more) this.setEnd(origin, right + free - 1, false)
    else this.addFree(origin, right + more, free - more)
    return true
  }

  owns(address: Address): boolean {
    return address > 0 && address < this.memory.byteLength && this.regions.originOf(address) !== 0
  }

  /** Bytes held from the parent, side bits included. */
  get obtainedBytes(): number {
    return this.regions.obtainedBytes
  }

  /** Regions held from the parent. */
  get regionCount(): number {
    return this.regions.count
  }

  /** Number of free blocks by the power of two below their granules, counted one by one. */
  countFree(): number[] {
    const counts: number[] = []
    this.blocks.each(this.obtainedBytes >>> this.granuleBits, (_block, granules) => {
      const level = 31 - Math.clz32(granules)
      while (counts.length <= level) counts.push(0)
      counts[level]++
    })
    return counts
  }

  /** Bytes of all free blocks, counted one by one. */
  countFreeBytes(): number {
    let bytes = 0
    this.blocks.each(this.obtainedBytes >>> this.granuleBits, (_block, granules) => {
      bytes += granules * 2 ** this.granuleBits
    })
    return bytes
  }

  check(): void {
    checkFit(this)
  }

  walker(sizeOfUsed: (address: Address) => number): RegionWalker {
    const free = new Map<Address, number>()
    this.blocks.each(this.obtainedBytes >>> this.granuleBits, (block, granules) =>
      free.set(block, granules),
    )
    return (address, size, visit) => {
      let end = address
      for (const origin of this.regions.originsIn(address, size)) {
        // The lengths of regions lie in the memory: one that was overwritten must not make the walk a long one.
        const start = end
        end = origin + this.regions.granules(origin) * 2 ** this.granuleBits
        if (origin < start || end > address + size)
          throw new InvariantError('fit', 'a region ends in another one', origin)
        this.walkRegion(origin, free, sizeOfUsed, visit)
      }
    }
  }

  /** Makes lists and side bits anew: everything between blocks in use is one free block. */
  repair(regions: readonly Region[], usedBytes: (address: Address) => number): readonly Region[] {
    this.blocks.clear()
    return this.regions.repair(regions, (origin) => this.repairRegion(origin, usedBytes))
  }

  /** @internal Whether a granule is the first or the last of a free block. */
  isEnd(origin: Address, index: number): boolean {
    const side = origin - SIDE_BACK_BYTES - (index >>> 3)
    return (this.memory.u32[side >>> 2] & bitOf(side, index)) !== 0
  }

  /** Start of the free block before a granule, by the side bits: its tail was overwritten. */
  private leftOf(origin: Address, index: number): Address {
    let first = index - 2
    while (first >= 0 && !this.isEnd(origin, first)) first--
    const block = origin + (first << this.granuleBits)
    // The bit before may be the end of another block: then this one has a single granule.
    const whole = first >= 0 && this.blocks.spans(block, index - first)
    return whole ? block : origin + ((index - 1) << this.granuleBits)
  }

  private setEnd(origin: Address, index: number, is: boolean): void {
    const u32 = this.memory.u32
    const side = origin - SIDE_BACK_BYTES - (index >>> 3)
    const bit = bitOf(side, index)
    const word = u32[side >>> 2]
    u32[side >>> 2] = is ? word | bit : word & ~bit
  }

  private addFree(origin: Address, index: number, granules: number): void {
    this.blocks.push(origin + (index << this.granuleBits), granules)
    this.setEnd(origin, index, true)
    this.setEnd(origin, index + granules - 1, true)
  }

  /** Takes the first `granules` granules of a free block; what lies behind them stays free. */
  private cut(block: Address, granules: number): Address {
    const origin = this.regions.originOf(block)
    const index = (block - origin) >>> this.granuleBits
    const found = this.blocks.unlink(block)
    this.setEnd(origin, index, false)
    if (found === granules) this.setEnd(origin, index + found - 1, false)
    else this.addFree(origin, index + granules, found - granules)
    return block
  }

  private allocateElsewhere(granules: number): Address {
    const origin = this.regions.obtain(granules)
    if (origin !== 0) {
      this.addFree(origin, 0, this.regions.granules(origin))
      return this.cut(origin, granules)
    }
    const block = this.blocks.find(granules, true)
    return block === 0 ? 0 : this.cut(block, granules)
  }

  /** @internal See {@link RegionTenant}. */
  isEmpty(origin: Address): boolean {
    const granules = this.regions.granules(origin)
    if (!this.isEnd(origin, 0) || !this.isEnd(origin, granules - 1)) return false
    return this.blocks.startFromTail(origin + (granules << this.granuleBits)) === origin
  }

  /** @internal See {@link RegionTenant}. */
  withdraw(origin: Address): void {
    this.blocks.unlink(origin)
  }

  private walkRegion(
    origin: Address,
    free: ReadonlyMap<Address, number>,
    sizeOfUsed: (address: Address) => number,
    visit: PieceVisitor,
  ): void {
    const granules = this.regions.granules(origin)
    for (let index = 0; index < granules; ) {
      const block = origin + (index << this.granuleBits)
      const found = free.get(block)
      const bytes =
        found === undefined
          ? this.goodSize(Math.max(sizeOfUsed(block), 1))
          : found << this.granuleBits
      visit(block, bytes, found === undefined)
      index += bytes >>> this.granuleBits
    }
  }

  private repairRegion(origin: Address, usedBytes: (address: Address) => number): void {
    const { granuleBits } = this
    const granules = this.regions.granules(origin)
    let free = 0
    for (let index = 0; index <= granules; ) {
      const used = index === granules ? 1 : usedBytes(origin + (index << granuleBits))
      if (used === 0) {
        index++
        continue
      }
      if (index > free) this.addFree(origin, free, index - free)
      index += index === granules ? 1 : this.goodSize(used) >>> granuleBits
      free = index
    }
  }
}

/**
 * The bit of a granule in the word around its side byte. By words, for V8 takes an index of 2^31 and more, which an address
 * may be, for a reason to throw code away each time; a word's index is always smaller.
 */
function bitOf(side: Address, index: number): number {
  return 1 << (((side & 3) << 3) | (index & 7))
}
