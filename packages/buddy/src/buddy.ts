/**
 * `Buddy`: binary buddy allocator.
 *
 * Features
 * - Blocks of 2^k granules; allocating and freeing take constant time per order passed, however many blocks are free.
 * - Neighbours that are free join at once.
 * - Wholly free regions go back to the parent (option), sizes of regions follow a growth rule (options).
 *
 * Basic design
 * - One word tells which orders have a free block; the lowest set bit from the order wanted on is the one to split.
 * - Doubly linked lists run through the free blocks (free-lists.ts). Whether the buddy of a block is free, whole and of
 *   the same order is one byte of side metadata (layout.ts): a tag inside a neighbour's payload could be forged.
 * - Regions are numbered in granules from their own origin (RegionSet), so the parent may place them anywhere, and
 *   the exclusive or of a number with its size gives its buddy.
 * - Source: K. Knowlton, "A fast storage allocator", CACM 8(10) 1965; D. Knuth, TAOCP 1, section 2.5.
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
import { checkBuddy } from './check.ts'
import { FreeLists } from './free-lists.ts'
import * as L from './layout.ts'
import { type BuddyOptions, resolveOptions } from './options.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const {
  BUDDY_MAGIC,
  BUDDY_VERSION,
  GRANULE_BITS,
  LINK_BYTES,
  LINK_OFFSET,
  MAGIC,
  PHASE,
  REGIONS_OFFSET_BYTES,
  VERSION,
} = L
const SIDE_BACK_BYTES: number = sideBackBytes

/** Binary buddy. `allocate` gives 0 when its parent has no room; each call costs a step per order split or joined. */
export class Buddy
  implements RegionAllocator, InPlaceResizer, Owner, Checkable, Walkable, Repairable, RegionTenant
{
  readonly alignment: number = 16
  /** Present when the option `release` is on. */
  declare readonly trim?: Trimmable['trim']
  /** log2 of the bytes of a granule. */
  declare readonly granuleBits: number
  /** @internal */
  declare readonly lists: FreeLists
  /** @internal */
  declare readonly regions: RegionSet
  declare private readonly memory: Memory
  declare private readonly slots: number

  private constructor(memory: Memory, control: Address, regions: RegionSet) {
    this.memory = memory
    this.slots = control >>> 2
    this.granuleBits = memory.u32[this.slots + GRANULE_BITS]
    this.lists = new FreeLists(memory, this.slots)
    this.regions = regions
    if (regions.releases) this.trim = () => regions.trim(this)
  }

  /** Bytes of control area that a buddy in a memory of `maximum` bytes takes. */
  static controlBytes(maximum: number): number {
    return REGIONS_OFFSET_BYTES + RegionSet.controlBytes(maximum)
  }

  /**
   * Formats a buddy at `control`. It asks the parent for nothing until the first block is wanted.
   *
   * @throws RangeError naming the option.
   */
  static create(
    memory: Memory,
    control: Address,
    parent: RegionAllocator,
    options: BuddyOptions = {},
  ): Buddy {
    const { granule, linkOffset, carveRemainder, ...plan } = resolveOptions(options)
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
      exact: !carveRemainder,
      sideBits: 8,
    })
    u32[slots + VERSION] = BUDDY_VERSION
    u32[slots + MAGIC] = BUDDY_MAGIC
    return new Buddy(memory, control, regions)
  }

  /** Joins the buddy at `control`; writes nothing. @throws `MemoryError` when there is none. */
  static attach(memory: Memory, control: Address, parent: RegionAllocator): Buddy {
    const { u32 } = memory
    const slots = control >>> 2
    if (u32[slots + MAGIC] !== BUDDY_MAGIC || u32[slots + VERSION] !== BUDDY_VERSION) {
      throw new MemoryError('NOT_A_HEAP', 'no buddy of this layout version', control)
    }
    const granuleBits = u32[slots + GRANULE_BITS]
    const phase = u32[slots + PHASE]
    const linkOffset = u32[slots + LINK_OFFSET]
    const sane =
      granuleBits >= 4 &&
      granuleBits <= 16 &&
      (phase === 0 || phase === 8) &&
      linkOffset % 4 === 0 &&
      linkOffset + LINK_BYTES <= 1 << granuleBits
    if (!sane)
      throw new MemoryError('NOT_A_HEAP', 'the control block of a buddy is damaged', control)
    return new Buddy(
      memory,
      control,
      RegionSet.attach(memory, control + REGIONS_OFFSET_BYTES, parent),
    )
  }

  goodSize(size: number): number {
    const order = this.orderOf(size)
    return order >= 31 - this.granuleBits ? size : 2 ** (order + this.granuleBits)
  }

  allocate(size: number): Address {
    const order = this.orderOf(size)
    const from = this.lists.orderFrom(order)
    return from < 0 ? this.allocateFromNewRegion(order) : this.takeBlock(from, order)
  }

  deallocate(address: Address, size: number): void {
    const { regions, granuleBits } = this
    const origin = regions.originOf(address)
    if (origin === 0)
      throw new InvariantError('buddy', 'a block outside all regions was freed', address)
    const granules = regions.granules(origin)
    const u8 = this.memory.u8
    let index = (address - origin) >>> granuleBits
    let order = this.orderOf(size)
    for (;;) {
      const buddy = index ^ (1 << order)
      if (buddy >= granules || u8[this.side(origin, buddy)] !== order + 1) break
      this.lists.unlink(origin + (buddy << granuleBits), order)
      u8[this.side(origin, buddy)] = 0
      index &= buddy
      order++
    }
    this.addFree(origin, index, order)
    // Nothing of the same order lies behind: the block is one of the pieces that the whole region consists of.
    if (index + (2 << order) > granules && this.isEmpty(origin))
      this.regions.releaseEmpty(origin, this)
  }

  /** In place: a shorter block gives its upper halves back, a longer one takes its upper buddies while they are free. */
  resize(address: Address, oldSize: number, newSize: number): boolean {
    const { regions, granuleBits } = this
    const oldOrder = this.orderOf(oldSize)
    const newOrder = this.orderOf(newSize)
    const origin = regions.originOf(address)
    const index = (address - origin) >>> granuleBits
    if (newOrder < oldOrder) {
      for (let order = oldOrder - 1; order >= newOrder; order--)
        this.addFree(origin, index + (1 << order), order)
      return true
    }
    const u8 = this.memory.u8
    const granules = regions.granules(origin)
    for (let order = oldOrder; order < newOrder; order++) {
      const upper = index + (1 << order)
      if ((index & (1 << order)) !== 0 || upper >= granules) return false
      if (u8[this.side(origin, upper)] !== order + 1) return false
    }
    for (let order = oldOrder; order < newOrder; order++) {
      const upper = index + (1 << order)
      this.lists.unlink(origin + (upper << granuleBits), order)
      u8[this.side(origin, upper)] = 0
    }
    return true
  }

  owns(address: Address): boolean {
    return address > 0 && address < this.memory.byteLength && this.regions.originOf(address) !== 0
  }

  /** Bytes held from the parent, side bytes included. */
  get obtainedBytes(): number {
    return this.regions.obtainedBytes
  }

  /** Regions held from the parent. */
  get regionCount(): number {
    return this.regions.count
  }

  /** Number of free blocks of each order, order 0 first; counted one by one. */
  countFree(): number[] {
    const counts: number[] = []
    for (let order = 0; order < 31 - this.granuleBits; order++) {
      let count = 0
      this.lists.each(order, this.obtainedBytes >>> this.granuleBits, () => count++)
      counts.push(count)
    }
    while (counts.length > 0 && counts[counts.length - 1] === 0) counts.pop()
    return counts
  }

  /** Bytes of all free blocks, counted one by one. */
  countFreeBytes(): number {
    return this.countFree().reduce(
      (sum, count, order) => sum + count * 2 ** (order + this.granuleBits),
      0,
    )
  }

  check(): void {
    checkBuddy(this, this.memory)
  }

  walker(sizeOfUsed: (address: Address) => number): RegionWalker {
    return (address, size, visit) => {
      let end = address
      for (const origin of this.regions.originsIn(address, size)) {
        // The lengths of regions lie in the memory: one that was overwritten must not make the walk a long one.
        const start = end
        end = origin + this.regions.granules(origin) * 2 ** this.granuleBits
        if (origin < start || end > address + size)
          throw new InvariantError('buddy', 'a region ends in another one', origin)
        this.walkRegion(origin, sizeOfUsed, visit)
      }
    }
  }

  private walkRegion(
    origin: Address,
    sizeOfUsed: (address: Address) => number,
    visit: PieceVisitor,
  ): void {
    const { granuleBits } = this
    const granules = this.regions.granules(origin)
    for (let index = 0; index < granules; ) {
      const block = origin + (index << granuleBits)
      const side = this.memory.u8[this.side(origin, index)]
      const bytes =
        side === 0 ? this.goodSize(Math.max(sizeOfUsed(block), 1)) : 2 ** (side - 1 + granuleBits)
      if (bytes > granules * 2 ** granuleBits)
        throw new InvariantError('buddy', 'a block is longer than its region', block)
      visit(block, bytes, side === 0)
      index += bytes >>> granuleBits
    }
  }

  /** Address of the side byte of a granule. @internal */
  side(origin: Address, index: number): Address {
    return origin - SIDE_BACK_BYTES - index
  }

  /** Makes lists and side bytes anew: everything between blocks in use is cut into the largest blocks that fit. */
  repair(regions: readonly Region[], usedBytes: (address: Address) => number): readonly Region[] {
    this.lists.clear()
    return this.regions.repair(regions, (origin) => this.repairRegion(origin, usedBytes))
  }

  private repairRegion(origin: Address, usedBytes: (address: Address) => number): void {
    const { regions, granuleBits } = this
    const granules = regions.granules(origin)
    let free = 0
    for (let index = 0; index <= granules; ) {
      const used = index === granules ? 1 : usedBytes(origin + (index << granuleBits))
      if (used === 0) {
        index++
        continue
      }
      this.freeRange(origin, free, index)
      index += index === granules ? 1 : this.goodSize(used) >>> granuleBits
      free = index
    }
  }

  /** Cuts the granules [from, to) into blocks, each as large as its place allows. */
  private freeRange(origin: Address, from: number, to: number): void {
    for (let index = from; index < to; ) {
      const fitting = 31 - Math.clz32(to - index)
      const placed = index === 0 ? fitting : 31 - Math.clz32(index & -index)
      const order = Math.min(fitting, placed)
      this.addFree(origin, index, order)
      index += 1 << order
    }
  }

  /** Order of the smallest block that holds `size` bytes. */
  private orderOf(size: number): number {
    if (size <= 1 << this.granuleBits) return 0
    // Shifts see 32 bits only: a size beyond them is beyond every region too.
    return size > 2 ** 31 ? 31 : 32 - Math.clz32((size - 1) >>> this.granuleBits)
  }

  /** Takes the first free block of order `from` and splits it down to `order`; the lower half stays, the upper is freed. */
  private takeBlock(from: number, order: number): Address {
    const block = this.lists.head(from)
    this.lists.unlink(block, from)
    const origin = this.regions.originOf(block)
    const index = (block - origin) >>> this.granuleBits
    this.memory.u8[this.side(origin, index)] = 0
    for (let half = from - 1; half >= order; half--) this.addFree(origin, index + (1 << half), half)
    return block
  }

  private addFree(origin: Address, index: number, order: number): void {
    this.lists.push(origin + (index << this.granuleBits), order)
    this.memory.u8[this.side(origin, index)] = order + 1
  }

  private allocateFromNewRegion(order: number): Address {
    if (order >= 31 - this.granuleBits) return 0
    const origin = this.regions.obtain(2 ** order)
    if (origin === 0) return 0
    this.freeRange(origin, 0, this.regions.granules(origin))
    return this.takeBlock(this.lists.orderFrom(order), order)
  }

  /** Whether all the powers of two that the region consists of are free. @internal See {@link RegionTenant}. */
  isEmpty(origin: Address): boolean {
    const granules = this.regions.granules(origin)
    let index = 0
    for (let order = 31 - Math.clz32(granules); order >= 0; order--) {
      if ((granules & (1 << order)) === 0) continue
      if (this.memory.u8[this.side(origin, index)] !== order + 1) return false
      index += 1 << order
    }
    return true
  }

  /** @internal See {@link RegionTenant}. */
  withdraw(origin: Address): void {
    const granules = this.regions.granules(origin)
    let index = 0
    for (let order = 31 - Math.clz32(granules); order >= 0; order--) {
      if ((granules & (1 << order)) === 0) continue
      this.lists.unlink(origin + (index << this.granuleBits), order)
      index += 1 << order
    }
  }
}
