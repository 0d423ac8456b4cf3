/**
 * The abilities beside the contract, and how a wrapper keeps them.
 *
 * An ability is present or absent on the object. A parent that wraps another must not gain or lose one, or the layer
 * under test would take another path than it takes in earnest.
 */
import type {
  AlignedAllocator,
  Checkable,
  DivisibleAllocator,
  InPlaceResizer,
  Owner,
  RegionAllocator,
  RegionFinder,
  Trimmable,
  Walkable,
  ZeroedAllocator,
} from '@vmalloc/memory'

/** An allocator with whatever abilities it has. */
export type AbleAllocator = RegionAllocator &
  Partial<
    InPlaceResizer &
      AlignedAllocator &
      ZeroedAllocator &
      DivisibleAllocator &
      Owner &
      Checkable &
      Walkable &
      Trimmable &
      RegionFinder
  >

/** How a wrapper does what its parent can. */
export type AbilityWrappers = Required<
  Pick<AbleAllocator, 'resize' | 'allocateAligned' | 'allocateZeroed'>
>

/** Gives `wrapper` exactly the abilities that `parent` has. */
export function keepAbilities(
  wrapper: RegionAllocator,
  parent: AbleAllocator,
  wrappers: AbilityWrappers,
): void {
  const kept: Record<string, unknown> = {}
  if (parent.divisible === true) kept['divisible'] = true
  if (parent.resize !== undefined) kept['resize'] = wrappers.resize
  if (parent.allocateAligned !== undefined) kept['allocateAligned'] = wrappers.allocateAligned
  if (parent.allocateZeroed !== undefined) kept['allocateZeroed'] = wrappers.allocateZeroed
  if (parent.owns !== undefined) kept['owns'] = (address: number) => parent.owns?.(address) === true
  const { regionOf } = parent
  if (regionOf !== undefined) kept['regionOf'] = (address: number) => regionOf.call(parent, address)
  Object.assign(wrapper, kept)
}
