/** The address space as a parent: regions of whole pages, each marked with the name of its source. */
import type { AddressSpace } from './address-space.ts'
import type {
  Address,
  AlignedAllocator,
  DivisibleAllocator,
  InPlaceResizer,
  Region,
  RegionAllocator,
  RegionFinder,
  ZeroedAllocator,
} from './contract.ts'
import { PAGE_BYTES, roundUp } from './layout.ts'

const IN_PLACE = { mayMove: false, zeroed: false }

/** Made by `AddressSpace.source(name)`. */
export class PageSource
  implements
    RegionAllocator,
    AlignedAllocator,
    InPlaceResizer,
    DivisibleAllocator,
    ZeroedAllocator,
    RegionFinder
{
  readonly alignment: number = PAGE_BYTES
  readonly divisible = true
  declare private readonly space: AddressSpace
  /** The tag of this source's runs in the run map. */
  declare readonly tag: number

  constructor(space: AddressSpace, tag: number) {
    this.space = space
    this.tag = tag
  }

  goodSize(size: number): number {
    return roundUp(size, PAGE_BYTES)
  }

  allocate(size: number): Address {
    return this.space.mapPages(size, PAGE_BYTES, this.tag)
  }

  allocateZeroed(size: number): Address {
    return this.space.mmap(size, PAGE_BYTES, this.tag)
  }

  allocateAligned(size: number, alignment: number, offset = 0): Address {
    return this.space.mapPages(size, alignment, this.tag, offset)
  }

  deallocate(address: Address, size: number): void {
    this.space.munmap(address, size)
  }

  resize(address: Address, oldSize: number, newSize: number): boolean {
    return this.space.mremap(address, oldSize, newSize, IN_PLACE) !== 0
  }

  regionOf(address: Address): Region {
    return this.space.mappingOf(address, this.tag)
  }
}
