/**
 * The address space of a JavaScript heap: backing memory, views, growth, mmap/munmap/mremap, and the contract that
 * every allocation strategy of vmalloc shares.
 *
 * @packageDocumentation
 */
export { AddressSpace, type Mapping } from './address-space.ts'
export type { Backing, GrowthSupplier, MemoryHandle, MemoryOptions } from './backing.ts'
export { reachOf } from './backing.ts'
export type {
  Address,
  AlignedAllocator,
  Checkable,
  DivisibleAllocator,
  InPlaceResizer,
  Owner,
  PieceVisitor,
  Region,
  RegionAllocator,
  RegionFinder,
  RegionWalker,
  Repairable,
  Trimmable,
  Walkable,
  ZeroedAllocator,
} from './contract.ts'
export {
  hex,
  InvariantError,
  LinkError,
  MemoryError,
  type MemoryErrorCode,
  requireKnownOptions,
  requireOption,
  textOf,
} from './errors.ts'
export {
  DOORBELL_OFFSET_BYTES,
  LAYOUT_VERSION,
  LOCK_OFFSET_BYTES,
  NEXT_OWNER_OFFSET_BYTES,
  PAGE_BITS,
  PAGE_BYTES,
  roundUp,
  SUPERBLOCK_BYTES,
  WASM_PAGE_BYTES,
} from './layout.ts'
export { Memory } from './memory.ts'
export { PageSource } from './page-source.ts'
export { PageTable } from './page-table.ts'
export { type RegionPlan, RegionSet, type RegionTenant, SIDE_BACK_BYTES } from './region-set.ts'
export { seal } from './seal.ts'
export { publish } from './superblock.ts'
