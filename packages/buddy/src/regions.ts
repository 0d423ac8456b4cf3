/**
 * The regions of a buddy: obtaining, finding, giving back.
 *
 * A region is found from any address in it through a page table: two loads give its origin, and with it the side bytes
 * and the number of granules. Blocks are numbered from the origin, so any base will do.
 */
import {
  type Address,
  type Memory,
  PAGE_BITS,
  PAGE_BYTES,
  PageTable,
  type Region,
  type RegionAllocator,
  roundUp,
} from '@vmalloc/memory'
import * as L from './layout.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const {
  DIRECTORY_OFFSET_BYTES,
  FIRST_REGION,
  FLAGS,
  FLAG_CARVE_REMAINDER,
  GRANULES_BACK_BYTES,
  GRANULE_BITS,
  GROWTH,
  OBTAINED,
  PHASE,
  REGIONS,
  REGION_CAP,
  REGION_HEADER_BYTES,
  REGION_SIZE_BACK_BYTES,
  REGION_START_BACK_BYTES,
  SIDE_BACK_BYTES,
} = L

export class Regions {
  declare private readonly memory: Memory
  declare private readonly parent: RegionAllocator
  declare private readonly slots: number
  declare private readonly table: PageTable
  declare private readonly granuleBits: number
  declare private readonly phase: number

  constructor(memory: Memory, control: Address, parent: RegionAllocator) {
    this.memory = memory
    this.parent = parent
    this.slots = control >>> 2
    this.table = new PageTable(memory, control + DIRECTORY_OFFSET_BYTES, 1)
    this.granuleBits = memory.u32[this.slots + GRANULE_BITS]
    this.phase = memory.u32[this.slots + PHASE]
  }

  /** Origin of the region that an address of this buddy lies in; 0 for a page that is not ours. */
  originOf(address: Address): Address {
    return this.table.get(address >>> PAGE_BITS)
  }

  granules(origin: Address): number {
    return this.memory.u32[(origin - GRANULES_BACK_BYTES) >>> 2]
  }

  /** Address of the side byte of granule `index`. */
  side(origin: Address, index: number): Address {
    return origin - SIDE_BACK_BYTES - index
  }

  /**
   * Asks the parent for a region in which a block of `order` fits.
   *
   * @returns Its origin, with all side bytes 0 and no block in a list; 0 when the parent has no room.
   */
  obtain(order: number): Address {
    const { u32 } = this.memory
    const slots = this.slots
    const exact = (u32[slots + FLAGS] & FLAG_CARVE_REMAINDER) === 0
    const least = this.bytesFor(2 ** order)
    const planned = Math.floor(
      u32[slots + FIRST_REGION] + (u32[slots + OBTAINED] * u32[slots + GROWTH]) / 256,
    )
    const capped = Math.min(planned, u32[slots + REGION_CAP])
    let bytes = Math.max(exact ? this.bytesFor(this.powerOfTwo(capped)) : capped, least)
    let region = this.allocate(bytes)
    while (region === 0 && bytes > least) {
      bytes = Math.max(bytes >>> 1, least)
      region = this.allocate(bytes)
    }
    return region === 0 ? 0 : this.format(region, this.parent.goodSize(this.padded(bytes)), exact)
  }

  /** Gives a region back to the parent. No block of it may be used, none in a list. */
  giveBack(origin: Address): void {
    const { u32 } = this.memory
    const start = u32[(origin - REGION_START_BACK_BYTES) >>> 2]
    const size = u32[(origin - REGION_SIZE_BACK_BYTES) >>> 2]
    this.enter(start, size, 0)
    u32[this.slots + OBTAINED] -= size
    u32[this.slots + REGIONS]--
    this.parent.deallocate(start, size)
  }

  /**
   * Whether `region` is one of ours, whole: entered up to its last page, which is entered and left last. Enters it again,
   * in case it was being left. A leaf of the page table is ours too, but has no origin.
   */
  confirm(region: Region): { readonly origin: Address; readonly isLeaf: boolean } {
    const { u32 } = this.memory
    const { address, length } = region
    const origin = this.table.get((address + length - 1) >>> PAGE_BITS)
    const ours =
      origin > address &&
      origin < address + length &&
      u32[(origin - REGION_START_BACK_BYTES) >>> 2] === address &&
      u32[(origin - REGION_SIZE_BACK_BYTES) >>> 2] === length
    if (ours) {
      this.enter(address, length, origin)
      return { origin, isLeaf: false }
    }
    this.enter(address, length, 0)
    return { origin: 0, isLeaf: this.table.isLeaf(address) }
  }

  /** Counts the regions anew. */
  recount(origins: readonly Address[]): void {
    const { u32 } = this.memory
    u32[this.slots + REGIONS] = origins.length
    u32[this.slots + OBTAINED] = origins.reduce(
      (sum, origin) => sum + u32[(origin - REGION_SIZE_BACK_BYTES) >>> 2],
      0,
    )
  }

  /** Bytes of a region with `granules` granules of blocks. */
  private bytesFor(granules: number): number {
    return granules * ((1 << this.granuleBits) + 1) + REGION_HEADER_BYTES + 16
  }

  /** Granules of the largest power of two within `bytes`. */
  private powerOfTwo(bytes: number): number {
    return 2 ** (31 - Math.clz32(bytes >>> this.granuleBits))
  }

  /** A parent with narrow alignment is asked for two pages more, so that no page holds parts of two regions. */
  private padded(bytes: number): number {
    return this.parent.alignment >= PAGE_BYTES ? bytes : roundUp(bytes, PAGE_BYTES) + PAGE_BYTES
  }

  private allocate(bytes: number): Address {
    const region = this.parent.allocate(this.padded(bytes))
    if (region === 0) return 0
    if (this.addLeaves(region, this.padded(bytes))) return region
    this.parent.deallocate(region, this.padded(bytes))
    return 0
  }

  private addLeaves(region: Address, bytes: number): boolean {
    const last = (region + bytes - 1) >>> PAGE_BITS
    for (let page = region >>> PAGE_BITS; page <= last; page++) {
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
    const unit = (1 << this.granuleBits) + 1
    const fitting = Math.floor((end - start - REGION_HEADER_BYTES - 16) / unit)
    const granules = exact ? this.powerOfTwo(fitting << this.granuleBits) : fitting
    const unaligned = start + granules + REGION_HEADER_BYTES
    const origin = unaligned + ((this.phase - unaligned) & 15)
    u8.fill(0, start, origin)
    u32[(origin - REGION_START_BACK_BYTES) >>> 2] = region
    u32[(origin - REGION_SIZE_BACK_BYTES) >>> 2] = size
    u32[(origin - GRANULES_BACK_BYTES) >>> 2] = granules
    this.enter(region, size, origin)
    u32[this.slots + OBTAINED] += size
    u32[this.slots + REGIONS]++
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
