/**
 * The parent that never has room: what a layer must survive on its first call. Abilities: none.
 */
import type { Address, RegionAllocator } from '@vmalloc/memory'
import { ConformanceError } from './error.ts'

/** Always 0; nothing can ever be given back to it. */
export class NullParent implements RegionAllocator {
  readonly alignment: number

  /** @param alignment - The alignment it claims, a power of two in bytes. */
  constructor(alignment = 16) {
    this.alignment = alignment
  }

  goodSize(size: number): number {
    return size
  }

  allocate(_size: number): Address {
    return 0
  }

  /** @throws {@link ConformanceError} always: it gave nothing. */
  deallocate(address: Address, size: number): void {
    throw new ConformanceError(
      'parent-contract',
      `deallocate(${address}, ${size}) to a parent that never gave anything`,
    )
  }
}
