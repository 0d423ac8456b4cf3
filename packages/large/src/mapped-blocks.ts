/**
 * `MappedBlocks`: one region of the parent per block, given back on free.
 *
 * Basic design
 * - The parent's region is the block, but for `phase` bytes before it and as many behind it as keep the size a multiple
 *   of 16: with marks of 8 bytes the payload then begins on a multiple of 16.
 * - With the option `exact` the block ends where the request ends, and the rest of the region is nobody's: a footer at the
 *   end of the block finds the first byte that is written behind it.
 * - Nothing is cached: memory freed is memory returned.
 * - What the parent can do (grow in place, align) this layer can do too, and no more.
 *
 * Not safe against other threads by itself.
 */
import {
  type Address,
  type AlignedAllocator,
  type InPlaceResizer,
  type Memory,
  MemoryError,
  type Region,
  type RegionAllocator,
  type RegionWalker,
  type Repairable,
  requireKnownOptions,
  requireOption,
  roundUp,
  type Walkable,
  type ZeroedAllocator,
} from '@vmalloc/memory'
import * as L from './layout.ts'

/** Where blocks begin. */
export interface MappedBlocksOptions {
  /**
   * `address % 16` of every block, 0 or 8: the marks' phase.
   * @defaultValue 0
   */
  readonly phase?: number
  /**
   * Blocks of the size asked for, rounded up to 16, instead of all that the parent's region has.
   * @defaultValue false
   */
  readonly exact?: boolean
}

/** Sizes of exact blocks are multiples of it, so that the words of a footer are aligned. */
const EXACT_UNIT_BYTES = 16

type Parent = RegionAllocator & Partial<InPlaceResizer & AlignedAllocator & ZeroedAllocator>

/** One region of the parent per block. `allocate` gives 0 when the parent has no room; each call costs one of the parent. */
export class MappedBlocks implements RegionAllocator, Walkable, Repairable {
  declare readonly alignment: number
  /** Whether a block ends where the request ends. */
  declare readonly exact: boolean
  /** Present when the parent can resize in place. */
  declare readonly resize?: InPlaceResizer['resize']
  /** Present when the parent can align. */
  declare readonly allocateAligned?: AlignedAllocator['allocateAligned']
  /** Present when the parent knows zero pages. */
  declare readonly allocateZeroed?: ZeroedAllocator['allocateZeroed']
  declare private readonly memory: Memory
  declare private readonly parent: Parent
  declare private readonly slots: number
  declare private readonly phase: number

  private constructor(memory: Memory, control: Address, parent: Parent) {
    this.memory = memory
    this.parent = parent
    this.slots = control >>> 2
    this.phase = memory.u32[this.slots + L.PHASE]
    this.exact = memory.u32[this.slots + L.EXACT] !== 0
    this.alignment = Math.min(16, parent.alignment)
    if (parent.resize !== undefined) this.resize = this.resizeRegion
    if (parent.allocateAligned !== undefined) this.allocateAligned = this.allocateAlignedRegion
    if (parent.allocateZeroed !== undefined) this.allocateZeroed = this.allocateZeroedRegion
  }

  static controlBytes(): number {
    return L.LARGE_CONTROL_BYTES
  }

  /** Formats the strategy at `control`. @throws RangeError naming the option. */
  static create(
    memory: Memory,
    control: Address,
    parent: Parent,
    options: MappedBlocksOptions = {},
  ): MappedBlocks {
    requireKnownOptions(options, ['phase', 'exact'], 'MappedBlocks')
    const { phase = 0, exact = false } = options
    requireOption(phase === 0 || phase === 8, 'phase', phase, 'it must be 0 or 8')
    const slots = control >>> 2
    memory.u32.fill(0, slots, slots + L.LARGE_CONTROL_BYTES / 4)
    memory.u32[slots + L.PHASE] = phase
    memory.u32[slots + L.EXACT] = exact ? 1 : 0
    memory.u32[slots + L.VERSION] = L.LARGE_VERSION
    memory.u32[slots + L.MAGIC] = L.LARGE_MAGIC
    return new MappedBlocks(memory, control, parent)
  }

  /** Joins the strategy at `control`; writes nothing. @throws `MemoryError` when there is none. */
  static attach(memory: Memory, control: Address, parent: Parent): MappedBlocks {
    const { u32 } = memory
    const slots = control >>> 2
    const phase = u32[slots + L.PHASE]
    if (
      u32[slots + L.MAGIC] !== L.LARGE_MAGIC ||
      u32[slots + L.VERSION] !== L.LARGE_VERSION ||
      (phase !== 0 && phase !== 8)
    ) {
      throw new MemoryError('NOT_A_HEAP', 'no large strategy of this layout version', control)
    }
    return new MappedBlocks(memory, control, parent)
  }

  goodSize(size: number): number {
    if (this.exact) return roundUp(size, EXACT_UNIT_BYTES)
    return this.parent.goodSize(size + 2 * this.phase) - 2 * this.phase
  }

  allocate(size: number): Address {
    return this.place(this.parent.allocate(size + 2 * this.phase))
  }

  deallocate(address: Address, size: number): void {
    this.parent.deallocate(address - this.phase, size + 2 * this.phase)
    this.memory.u32[this.slots + L.REGIONS]--
  }

  /** Regions held from the parent. */
  get regions(): number {
    return this.memory.u32[this.slots + L.REGIONS]
  }

  walker(sizeOfUsed: (address: Address) => number): RegionWalker {
    return (address, size, visit) => {
      const block = address + this.phase
      const room = size - 2 * this.phase
      const used = this.exact ? sizeOfUsed(block) : 0
      if (room > 0) visit(block, used === 0 ? room : Math.min(this.goodSize(used), room), true)
    }
  }

  /**
   * A region whose block is not in use was about to be handed out, or to be given back; what lies behind the end of one
   * was to become part of it, or was one no more.
   */
  repair(regions: readonly Region[], usedBytes: (address: Address) => number): readonly Region[] {
    const stray: Region[] = []
    let blocks = 0
    for (const region of regions) {
      const { address, length } = region
      const used = usedBytes(address + this.phase)
      if (used === 0) {
        stray.push(region)
        continue
      }
      blocks++
      const kept = this.parent.goodSize(used + 2 * this.phase)
      if (kept < length) stray.push({ address: address + kept, length: length - kept })
    }
    this.memory.u32[this.slots + L.REGIONS] = blocks
    return stray
  }

  private place(region: Address): Address {
    if (region === 0) return 0
    this.memory.u32[this.slots + L.REGIONS]++
    return region + this.phase
  }

  private resizeRegion(address: Address, oldSize: number, newSize: number): boolean {
    const extra = 2 * this.phase
    const { parent, phase } = this
    return parent.resize?.(address - phase, oldSize + extra, newSize + extra) ?? false
  }

  /** The parent aligns the region; the block begins `phase` bytes behind the boundary. */
  private allocateAlignedRegion(size: number, alignment: number, offset = 0): Address {
    const { allocateAligned } = this.parent
    if (allocateAligned === undefined) return 0
    return this.place(allocateAligned.call(this.parent, size + 2 * this.phase, alignment, offset))
  }

  private allocateZeroedRegion(size: number): Address {
    const { allocateZeroed } = this.parent
    if (allocateZeroed === undefined) return 0
    return this.place(allocateZeroed.call(this.parent, size + 2 * this.phase))
  }
}
