/**
 * A correct allocator that is as simple as can be, for the suite to pass and for the tests to break.
 *
 * Granules of 128 bytes; a region of the parent begins with one byte for each of its granules, 1 while it is used. First
 * fit, and a region without used granules goes back to the parent. The control block:
 *
 *     +0 magic   +4 regions   then for each region: start, bytes, origin of the granules, granules, used granules
 */
import {
  type Address,
  InvariantError,
  type Memory,
  type RegionAllocator,
  type RegionWalker,
} from '@vmalloc/memory'

export const GRANULE_BYTES = 128
const MAGIC = 0x50414d42
const REGION_WORDS = 5
const MOST_REGIONS = 100
const REGION_BYTES = 8192
const NAME = 'byte-map'

export class ByteMap implements RegionAllocator {
  readonly alignment: number = GRANULE_BYTES
  readonly divisible = true
  readonly memory: Memory
  readonly parent: RegionAllocator
  readonly slots: number

  private constructor(memory: Memory, control: Address, parent: RegionAllocator) {
    this.memory = memory
    this.parent = parent
    this.slots = control >>> 2
  }

  static create(memory: Memory, parent: RegionAllocator): ByteMap {
    const control = memory.reserveControl(NAME, (2 + MOST_REGIONS * REGION_WORDS) * 4)
    const map = new ByteMap(memory, control, parent)
    memory.u32[map.slots] = MAGIC
    return map
  }

  static attach(memory: Memory, parent: RegionAllocator): ByteMap {
    return new ByteMap(memory, memory.findControl(NAME), parent)
  }

  goodSize(size: number): number {
    return Math.ceil(size / GRANULE_BYTES) * GRANULE_BYTES
  }

  allocate(size: number): Address {
    return this.allocateAligned(size, GRANULE_BYTES)
  }

  allocateZeroed(size: number): Address {
    const address = this.allocate(size)
    if (address !== 0) this.memory.u8.fill(0, address, address + this.goodSize(size))
    return address
  }

  allocateAligned(size: number, alignment: number, offset = 0): Address {
    const granules = this.goodSize(size) / GRANULE_BYTES
    for (let region = 0; region < this.#count; region++) {
      const address = this.#take(region, granules, alignment, offset)
      if (address !== 0) return address
    }
    if (!this.#obtain(granules * GRANULE_BYTES + alignment)) return 0
    return this.#take(this.#count - 1, granules, alignment, offset)
  }

  deallocate(address: Address, size: number): void {
    const region = this.#find(address)
    this.#mark(region, address, this.goodSize(size) / GRANULE_BYTES, 0)
    if (this.#get(region, 4) > 0) return
    this.parent.deallocate(this.#get(region, 0), this.#get(region, 1))
    const last = this.#count - 1
    for (let word = 0; word < REGION_WORDS; word++) {
      this.#set(region, word, this.#get(last, word))
      this.#set(last, word, 0)
    }
    this.memory.u32[this.slots + 1] = last
  }

  resize(address: Address, oldSize: number, newSize: number): boolean {
    const region = this.#find(address)
    const before = this.goodSize(oldSize) / GRANULE_BYTES
    const after = this.goodSize(newSize) / GRANULE_BYTES
    const behind = address + before * GRANULE_BYTES
    if (after <= before) {
      this.#mark(region, address + after * GRANULE_BYTES, before - after, 0)
      return true
    }
    if (!this.#isFree(region, behind, after - before)) return false
    this.#mark(region, behind, after - before, 1)
    return true
  }

  owns(address: Address): boolean {
    return this.#find(address) >= 0
  }

  check(): void {
    const { u32, u8, byteLength } = this.memory
    if (u32[this.slots] !== MAGIC) throw new InvariantError(NAME, 'no magic')
    if (this.#count > MOST_REGIONS) throw new InvariantError(NAME, 'too many regions')
    for (let region = 0; region < this.#count; region++) {
      const [start, bytes, origin, granules] = [0, 1, 2, 3].map((word) => this.#get(region, word))
      const sound =
        start + bytes <= byteLength &&
        origin >= start + granules &&
        origin + granules * GRANULE_BYTES <= start + bytes
      if (!sound) throw new InvariantError(NAME, 'a region that cannot be', start)
      let used = 0
      for (const byte of u8.subarray(start, start + granules)) {
        if (byte > 1) throw new InvariantError(NAME, 'a byte that is neither 0 nor 1', start)
        used += byte
      }
      if (used !== this.#get(region, 4)) throw new InvariantError(NAME, 'a wrong count', start)
    }
  }

  walker(sizeOfUsed: (address: Address) => number): RegionWalker {
    return (start, _size, visit) => {
      const region = this.#find(start + this.#headBytes(start))
      const origin = this.#get(region, 2)
      const end = origin + this.#get(region, 3) * GRANULE_BYTES
      for (let address = origin; address < end; ) {
        const used = !this.#isFree(region, address, 1)
        const size = used ? this.goodSize(Math.max(sizeOfUsed(address), 1)) : GRANULE_BYTES
        visit(address, size, used)
        address += size
      }
    }
  }

  get #count(): number {
    return this.memory.u32[this.slots + 1]
  }

  #get(region: number, word: number): number {
    return this.memory.u32[this.slots + 2 + region * REGION_WORDS + word]
  }

  #set(region: number, word: number, value: number): void {
    this.memory.u32[this.slots + 2 + region * REGION_WORDS + word] = value
  }

  /** The region that has a granule at `address`, -1 when there is none. */
  #find(address: Address): number {
    for (let region = 0; region < this.#count; region++) {
      const origin = this.#get(region, 2)
      const end = origin + this.#get(region, 3) * GRANULE_BYTES
      if (address >= origin && address < end) return region
    }
    return -1
  }

  #headBytes(start: Address): number {
    for (let region = 0; region < this.#count; region++) {
      if (this.#get(region, 0) === start) return this.#get(region, 2) - start
    }
    return 0
  }

  #take(region: number, granules: number, alignment: number, offset: number): Address {
    const origin = this.#get(region, 2)
    const end = origin + this.#get(region, 3) * GRANULE_BYTES
    const step = Math.max(alignment, GRANULE_BYTES)
    const first = Math.ceil((origin + offset) / step) * step - offset
    for (let at = first; at < end; at += step) {
      if (!this.#isFree(region, at, granules)) continue
      this.#mark(region, at, granules, 1)
      return at
    }
    return 0
  }

  #isFree(region: number, address: Address, granules: number): boolean {
    const index = (address - this.#get(region, 2)) / GRANULE_BYTES
    if (index + granules > this.#get(region, 3)) return false
    const map = this.#get(region, 0) + index
    return this.memory.u8.subarray(map, map + granules).every((byte) => byte === 0)
  }

  #mark(region: number, address: Address, granules: number, used: 0 | 1): void {
    const map = this.#get(region, 0) + (address - this.#get(region, 2)) / GRANULE_BYTES
    this.memory.u8.fill(used, map, map + granules)
    this.#set(region, 4, this.#get(region, 4) + (used === 1 ? granules : -granules))
  }

  #obtain(bytes: number): boolean {
    if (this.#count === MOST_REGIONS) return false
    // One map byte for each granule, and a granule lost to alignment.
    const least = Math.ceil((bytes * (GRANULE_BYTES + 1)) / GRANULE_BYTES) + 2 * GRANULE_BYTES
    let size = Math.max(REGION_BYTES, least)
    let start = this.parent.allocate(size)
    if (start === 0 && size > least) {
      size = least
      start = this.parent.allocate(size)
    }
    if (start === 0) return false
    const good = this.parent.goodSize(size)
    const granules = Math.floor((good - GRANULE_BYTES) / (GRANULE_BYTES + 1))
    const origin = Math.ceil((start + granules) / GRANULE_BYTES) * GRANULE_BYTES
    this.memory.u8.fill(0, start, origin)
    const region = this.#count
    for (const [word, value] of [start, good, origin, granules, 0].entries()) {
      this.#set(region, word, value)
    }
    this.memory.u32[this.slots + 1] = region + 1
    return true
  }
}
