/**
 * A strategy as a user would write it: runs of granules in one region, a bit for each granule in use, first fit.
 *
 *     control block:  + 0 magic "BITS"   + 4 region, 0 before the first block   + 8 a bit for each granule
 */
import {
  type Address,
  type Memory,
  MemoryError,
  type RegionAllocator,
  type RegionWalker,
  type Walkable,
} from '@vmalloc/memory'

const MAGIC = 0x53544942
const GRANULE_BYTES = 256
const REGION_BYTES = 1 << 20
const GRANULES = REGION_BYTES / GRANULE_BYTES

/** Only what every strategy must do: no walking, no checking, no resizing in place. */
export class BitmapBlocks implements RegionAllocator {
  readonly alignment: number = GRANULE_BYTES
  protected readonly memory: Memory
  protected readonly slots: number
  readonly #parent: RegionAllocator

  constructor(memory: Memory, control: Address, parent: RegionAllocator) {
    this.memory = memory
    this.slots = control >>> 2
    this.#parent = parent
  }

  static controlBytes(): number {
    return 8 + GRANULES / 8
  }

  static create(memory: Memory, control: Address, parent: RegionAllocator): BitmapBlocks {
    memory.u32[control >>> 2] = MAGIC
    return new this(memory, control, parent)
  }

  static attach(memory: Memory, control: Address, parent: RegionAllocator): BitmapBlocks {
    if (memory.u32[control >>> 2] !== MAGIC)
      throw new MemoryError('NOT_A_HEAP', 'no bitmap here', control)
    return new this(memory, control, parent)
  }

  goodSize(size: number): number {
    return Math.ceil(size / GRANULE_BYTES) * GRANULE_BYTES
  }

  allocate(size: number): Address {
    const granules = this.goodSize(size) / GRANULE_BYTES
    let start = 0
    for (let i = 0; i < GRANULES && i - start < granules; i++) if (this.isUsed(i)) start = i + 1
    if (start + granules > GRANULES || !this.#obtainRegion()) return 0
    this.#set(start, granules, true)
    return this.region + start * GRANULE_BYTES
  }

  deallocate(address: Address, size: number): void {
    this.#set((address - this.region) / GRANULE_BYTES, this.goodSize(size) / GRANULE_BYTES, false)
  }

  protected get region(): Address {
    return this.memory.u32[this.slots + 1] as Address
  }

  protected isUsed(granule: number): boolean {
    return (
      ((this.memory.u32[this.slots + 2 + (granule >>> 5)] as number) & (1 << (granule & 31))) !== 0
    )
  }

  #obtainRegion(): boolean {
    if (this.region === 0) {
      const region = this.#parent.allocate(REGION_BYTES)
      this.memory.u32[this.slots + 1] = region
    }
    return this.region !== 0
  }

  #set(start: number, count: number, used: boolean): void {
    const { u32 } = this.memory
    for (let i = start; i < start + count; i++) {
      const word = this.slots + 2 + (i >>> 5)
      const bit = 1 << (i & 31)
      u32[word] = used ? (u32[word] as number) | bit : (u32[word] as number) & ~bit
    }
  }
}

/** The same with the ability to list its blocks, so that `heap.walk` and `heap.check` see them. */
export class WalkableBitmapBlocks extends BitmapBlocks implements Walkable {
  walker(sizeOfUsed: (address: Address) => number): RegionWalker {
    return (address, size, visit) => {
      for (let block = address; block < address + size; ) {
        const used = this.isUsed((block - this.region) / GRANULE_BYTES)
        const bytes = used ? this.goodSize(Math.max(sizeOfUsed(block), 1)) : GRANULE_BYTES
        visit(block, bytes, used)
        block += bytes
      }
    }
  }
}
