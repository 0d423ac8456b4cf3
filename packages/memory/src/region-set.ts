/**
 * `RegionSet`: the regions that a strategy has from its parent, with side metadata for each granule.
 *
 * Used by the strategies that cut regions into blocks of granules: they number granules from the region's origin, so the
 * parent may place regions anywhere, and keep what they must know of neighbours outside the blocks, where no payload can
 * forge it.
 *
 *     a region:  | side bytes, from right to left | start | size | granules | 0 | phase | granules ...         |
 *                                     origin - 16 ^                             origin ^
 *
 *     control:   + 0 bytes obtained   + 4 regions      + 8 first size   +12 growth, 1/256   +16 size cap
 *                +20 exact            +24 side bits    +28 granule bits +32 phase
 *                +36 releases         +40 empty region kept, its origin
 *                +64 directory of the page table: page -> origin of the region it lies in
 *
 * A region is found from any address in it by two loads.
 */
import type { Address, Region, RegionAllocator } from './contract.ts'
import { MemoryError } from './errors.ts'
import { PAGE_BYTES, roundUp } from './layout.ts'
import type { Memory } from './memory.ts'
import { PageTable } from './page-table.ts'

/** log2 of the page size; not imported, for an import is a cell that V8 loads and tests at each use. */
const PAGE_BITS = 12
const OBTAINED = 0
const COUNT = 1
const FIRST_SIZE = 2
const GROWTH = 3
const SIZE_CAP = 4
const EXACT = 5
const SIDE_BITS = 6
const GRANULE_BITS = 7
const PHASE = 8
const RELEASES = 9
const EMPTY_REGION = 10
const DIRECTORY_OFFSET_BYTES = 64

const HEADER_BYTES = 16
const START_BACK_BYTES = 16
const SIZE_BACK_BYTES = 12
const GRANULES_BACK_BYTES = 8
/** Room for the phase, and for rounding the side bytes to words. */
const SLACK_BYTES = 20

/** Distance from a region's origin back to the side byte of granule 0. */
export const SIDE_BACK_BYTES = 17

/** How regions are obtained and what is kept about them. */
export interface RegionPlan {
  /** Bytes of the first region; with `exact`, bytes of granules in it. */
  readonly regionSize: number
  /** The next region has `regionSize + growth * bytes obtained so far`. */
  readonly growth: number
  /** The most bytes of one region, unless one block needs more. */
  readonly regionCap: number
  /** Regions hold a power of two of granules, and nothing behind it. */
  readonly exact: boolean
  /** Side metadata for each granule, in bits. */
  readonly sideBits: 1 | 8
  readonly granuleBits: number
  /** `origin % 16`. */
  readonly phase: number
  /** Give wholly free regions back to the parent, but for one. */
  readonly release: boolean
}

/** The strategy that cuts the regions of a set into blocks. */
export interface RegionTenant {
  /** Whether all of a region is free. */
  isEmpty(origin: Address): boolean
  /** Takes the free blocks of an empty region out of all lists. */
  withdraw(origin: Address): void
}

/** The regions that a strategy got from its parent, found by any address in them. A handle: all state lies in the memory. */
export class RegionSet {
  declare private readonly memory: Memory
  declare private readonly parent: RegionAllocator
  declare private readonly slots: number
  declare private readonly table: PageTable
  declare private readonly granuleBits: number
  declare private readonly sideBits: number
  declare private readonly phase: number

  private constructor(memory: Memory, control: Address, parent: RegionAllocator) {
    const slots = control >>> 2
    this.memory = memory
    this.parent = parent
    this.slots = slots
    this.table = new PageTable(memory, control + DIRECTORY_OFFSET_BYTES, 1)
    this.granuleBits = memory.u32[slots + GRANULE_BITS]
    this.sideBits = memory.u32[slots + SIDE_BITS]
    this.phase = memory.u32[slots + PHASE]
  }

  static controlBytes(maximum: number): number {
    return DIRECTORY_OFFSET_BYTES + PageTable.directoryBytes(maximum, 1)
  }

  /** Formats a set at `control`, a part of the strategy's control block. */
  static create(
    memory: Memory,
    control: Address,
    parent: RegionAllocator,
    plan: RegionPlan,
  ): RegionSet {
    const { u32 } = memory
    const slots = control >>> 2
    u32.fill(0, slots, slots + RegionSet.controlBytes(memory.maximum) / 4)
    u32[slots + FIRST_SIZE] = plan.regionSize
    u32[slots + GROWTH] = Math.round(plan.growth * 256)
    u32[slots + SIZE_CAP] = plan.regionCap
    u32[slots + EXACT] = plan.exact ? 1 : 0
    u32[slots + SIDE_BITS] = plan.sideBits
    u32[slots + GRANULE_BITS] = plan.granuleBits
    u32[slots + PHASE] = plan.phase
    u32[slots + RELEASES] = plan.release ? 1 : 0
    return new RegionSet(memory, control, parent)
  }

  /** Joins the set at `control`; writes nothing. The strategy has verified its control block. */
  static attach(memory: Memory, control: Address, parent: RegionAllocator): RegionSet {
    const words = control >>> 2
    const { u32 } = memory
    const sane =
      u32[words + GRANULE_BITS] >= 4 &&
      u32[words + GRANULE_BITS] <= 16 &&
      u32[words + SIDE_BITS] >= 1 &&
      u32[words + SIDE_BITS] <= 8 &&
      u32[words + PHASE] < 16
    if (!sane) throw new MemoryError('NOT_A_HEAP', 'a set of regions is damaged', control)
    return new RegionSet(memory, control, parent)
  }

  /** Origin of the region that an address lies in; 0 for a page that is not wholly in one. */
  originOf(address: Address): Address {
    return this.table.get(address >>> PAGE_BITS)
  }

  granules(origin: Address): number {
    return this.memory.u32[(origin - GRANULES_BACK_BYTES) >>> 2]
  }

  /** Whether the plan gives wholly free regions back. */
  get releases(): boolean {
    return this.memory.u32[this.slots + RELEASES] !== 0
  }

  /** Bytes held from the parent, side bytes included. */
  get obtainedBytes(): number {
    return this.memory.u32[this.slots + OBTAINED]
  }

  /** Regions held from the parent. */
  get count(): number {
    return this.memory.u32[this.slots + COUNT]
  }

  /**
   * Asks the parent for a region of at least `granules` granules, for more if the plan says so and there is room.
   *
   * @returns Its origin, all side bytes 0; 0 when the parent has no room.
   */
  obtain(granules: number): Address {
    const { u32 } = this.memory
    const slots = this.slots
    const exact = u32[slots + EXACT] !== 0
    const least = this.bytesFor(exact ? powerOfTwoFrom(granules) : granules)
    const planned = u32[slots + FIRST_SIZE] + (u32[slots + OBTAINED] * u32[slots + GROWTH]) / 256
    const capped = Math.min(Math.floor(planned), u32[slots + SIZE_CAP])
    const wanted = exact ? this.bytesFor(this.exactGranules(capped)) : capped
    let bytes = Math.max(wanted, least)
    let region = this.allocate(bytes)
    while (region === 0 && bytes > least) {
      bytes = Math.max(bytes >>> 1, least)
      region = this.allocate(bytes)
    }
    return region === 0 ? 0 : this.format(region, this.parent.goodSize(this.padded(bytes)), exact)
  }

  /**
   * Tells that a region is wholly free. It goes back to the parent if there is another empty one to serve the next
   * request: the one higher up, so that the one kept does not lie in the way of larger regions.
   */
  releaseEmpty(origin: Address, tenant: RegionTenant): void {
    const { u32 } = this.memory
    const kept = u32[this.slots + EMPTY_REGION]
    if (!this.releases || kept === origin) return
    const another = kept !== 0 && this.originOf(kept) === kept && tenant.isEmpty(kept)
    if (another && kept < origin) {
      this.giveBack(origin, tenant)
      return
    }
    u32[this.slots + EMPTY_REGION] = origin
    if (another) this.giveBack(kept, tenant)
  }

  /**
   * Gives all empty regions back, the one kept for the next request too, and the leaves that name no region any more.
   *
   * @returns Bytes given back. Cost: linear in the pages of the memory.
   */
  trim(tenant: RegionTenant): number {
    const { u32, byteLength } = this.memory
    let bytes = 0
    u32[this.slots + EMPTY_REGION] = 0
    for (const origin of this.originsIn(0, byteLength)) {
      if (!tenant.isEmpty(origin)) continue
      bytes += u32[(origin - SIZE_BACK_BYTES) >>> 2]
      this.giveBack(origin, tenant)
    }
    for (const leaf of this.table.dropEmptyLeaves()) {
      bytes += PAGE_BYTES
      this.parent.deallocate(leaf, PAGE_BYTES)
    }
    return bytes
  }

  /** Origins of the regions in [address, address + size), in address order, whatever the parent aligned them to. */
  originsIn(address: Address, size: number): Address[] {
    const found: Address[] = []
    const end = Math.ceil((address + size) / PAGE_BYTES)
    for (let page = address >>> PAGE_BITS; page < end; page++) {
      const origin = this.table.get(page)
      if (origin !== 0 && found.at(-1) !== origin) found.push(origin)
    }
    return found
  }

  /**
   * Finds out which of `regions` are ours, and counts them anew; for repairs.
   *
   * @param each - Makes the blocks of a region anew; its side bytes are 0.
   * @returns The regions that are not ours after all. A leaf of the page table is ours too, but has no origin.
   */
  repair(regions: readonly Region[], each: (origin: Address) => void): readonly Region[] {
    const { u32 } = this.memory
    const stray: Region[] = []
    const origins: Address[] = []
    u32[this.slots + EMPTY_REGION] = 0
    for (const region of regions) {
      const origin = this.confirm(region)
      if (origin !== 0) origins.push(origin)
      else if (!this.table.isLeaf(region.address)) stray.push(region)
    }
    for (const origin of origins) {
      this.clearSides(origin)
      each(origin)
    }
    const sizes = origins.map((origin) => u32[(origin - SIZE_BACK_BYTES) >>> 2])
    u32[this.slots + COUNT] = origins.length
    u32[this.slots + OBTAINED] = sizes.reduce((sum, size) => sum + size, 0)
    return stray
  }

  private giveBack(origin: Address, tenant: RegionTenant): void {
    const { u32 } = this.memory
    const start = u32[(origin - START_BACK_BYTES) >>> 2]
    const size = u32[(origin - SIZE_BACK_BYTES) >>> 2]
    tenant.withdraw(origin)
    this.enter(start, size, 0)
    u32[this.slots + OBTAINED] -= size
    u32[this.slots + COUNT]--
    this.parent.deallocate(start, size)
  }

  /**
   * Origin of `region` if it is one of ours, whole: entered up to its last page, which is entered and left last. Enters it
   * again, in case it was being left; otherwise forgets it.
   */
  private confirm({ address, length }: Region): Address {
    const { u32 } = this.memory
    const origin = this.table.get((address + length - 1) >>> PAGE_BITS)
    const ours =
      origin > address &&
      origin < address + length &&
      u32[(origin - START_BACK_BYTES) >>> 2] === address &&
      u32[(origin - SIZE_BACK_BYTES) >>> 2] === length &&
      this.granules(origin) * 2 ** this.granuleBits <= length
    this.enter(address, length, ours ? origin : 0)
    return ours ? origin : 0
  }

  private clearSides(origin: Address): void {
    const bytes = this.sideBytes(this.granules(origin))
    this.memory.u8.fill(0, origin - HEADER_BYTES - bytes, origin - HEADER_BYTES)
  }

  /** Bytes of side metadata for `granules` granules, whole words. */
  private sideBytes(granules: number): number {
    return roundUp(Math.ceil((granules * this.sideBits) / 8), 4)
  }

  /** Bytes of a region with `granules` granules. */
  private bytesFor(granules: number): number {
    return granules * 2 ** this.granuleBits + this.sideBytes(granules) + HEADER_BYTES + SLACK_BYTES
  }

  /**
   * The power of two of granules next to a planned size. Not the one below: a first region twice as large as planned, for
   * a block that needs it, is followed by one that is twice as large again, not by another of its size.
   */
  private exactGranules(planned: number): number {
    const granules = planned >>> this.granuleBits
    const below = powerOfTwoUpTo(granules)
    const nearest = granules - below >= below / 2 ? below * 2 : below
    const cap = this.memory.u32[this.slots + SIZE_CAP] >>> this.granuleBits
    return Math.min(nearest, powerOfTwoUpTo(cap))
  }

  /** A parent with narrow alignment is asked for a page more, so that no page holds parts of two regions. */
  private padded(bytes: number): number {
    return this.parent.alignment >= PAGE_BYTES ? bytes : roundUp(bytes, PAGE_BYTES) + PAGE_BYTES
  }

  private allocate(bytes: number): Address {
    const padded = this.padded(bytes)
    const region = this.parent.allocate(padded)
    if (region === 0) return 0
    if (this.addLeaves(region, padded)) return region
    this.parent.deallocate(region, padded)
    return 0
  }

  private addLeaves(region: Address, bytes: number): boolean {
    const last = (region + bytes - 1) >>> PAGE_BITS
    const segment = 1 << this.table.segmentBits
    for (let page = region >>> PAGE_BITS; page <= last; page = (page & -segment) + segment) {
      if (this.table.hasLeaf(page)) continue
      const leaf = this.parent.allocate(PAGE_BYTES)
      if (leaf === 0) return false
      this.memory.u8.fill(0, leaf, leaf + PAGE_BYTES)
      this.table.setLeaf(page, leaf)
    }
    return true
  }

  private format(region: Address, size: number, exact: boolean): Address {
    const { u32, u8 } = this.memory
    const narrow = this.parent.alignment < PAGE_BYTES
    const start = narrow ? roundUp(region, PAGE_BYTES) : region
    const end = narrow ? Math.floor((region + size) / PAGE_BYTES) * PAGE_BYTES : region + size
    const bits = (end - start - HEADER_BYTES - SLACK_BYTES) * 8
    const fitting = Math.floor(bits / (8 * 2 ** this.granuleBits + this.sideBits))
    const granules = exact ? powerOfTwoUpTo(fitting) : fitting
    const unaligned = start + this.sideBytes(granules) + HEADER_BYTES
    const origin = unaligned + ((this.phase - unaligned) & 15)
    u8.fill(0, start, origin)
    u32[(origin - START_BACK_BYTES) >>> 2] = region
    u32[(origin - SIZE_BACK_BYTES) >>> 2] = size
    u32[(origin - GRANULES_BACK_BYTES) >>> 2] = granules
    this.enter(region, size, origin)
    u32[this.slots + OBTAINED] += size
    u32[this.slots + COUNT]++
    return origin
  }

  /** Enters `origin` for every page that lies wholly in the region. */
  private enter(region: Address, size: number, origin: Address): void {
    const { u32 } = this.memory
    const end = Math.floor((region + size) / PAGE_BYTES)
    for (let page = Math.ceil(region / PAGE_BYTES); page < end; page++) {
      const slot = this.table.slot(page)
      if (slot !== 0) u32[slot] = origin
    }
  }
}

function powerOfTwoUpTo(value: number): number {
  return 2 ** (31 - Math.clz32(value))
}

function powerOfTwoFrom(value: number): number {
  return value <= 1 ? 1 : 2 ** (32 - Math.clz32(value - 1))
}
