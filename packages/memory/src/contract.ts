/**
 * The narrow waist: what every layer that hands out memory looks like to the layer above it.
 *
 * Below the dispatcher nobody stores sizes: the caller remembers them, and gives them back when it frees.
 * An ability that a layer does not have is absent from the object, never a method that always fails.
 */

/** Byte offset in a memory, 0 to 2^32 - 1. 0 is the null address and is never handed out. */
export type Address = number

/**
 * A source of regions with sized frees.
 *
 * Laws, checked for every implementation by `@vmalloc/conformance`:
 *
 * | law | statement |
 * | --- | --- |
 * | alignment | every address returned is a multiple of `alignment`, plus the layer's constant phase, if it has one |
 * | good size | `goodSize(n) >= n`, monotone, `goodSize(goodSize(n)) === goodSize(n)`, without side effects |
 * | disjoint | live regions, each `goodSize(size)` bytes long, never overlap |
 * | failure | 0 means "no room", and then nothing changed |
 * | conservation | after everything is freed, the same sequence of requests succeeds again |
 */
export interface RegionAllocator {
  /** Power of two in bytes; constant for the life of the instance. */
  readonly alignment: number
  /**
   * Bytes that a request of `size` bytes really occupies.
   *
   * @returns At least `size`. For a size this layer can never serve, `size` itself.
   */
  goodSize(size: number): number
  /**
   * @param size - Bytes wanted, a positive integer.
   * @returns The address of `goodSize(size)` bytes, or 0 when neither this layer nor its parent has room.
   */
  allocate(size: number): Address
  /**
   * @param address - An address that `allocate(n)` of this layer returned and that is still live.
   * @param size - Any size with `goodSize(size) === goodSize(n)`.
   */
  deallocate(address: Address, size: number): void
}

/** Ability: change the size of a region without moving it. */
export interface InPlaceResizer {
  /** @returns `true` when the region now has `goodSize(newSize)` bytes; on `false` nothing changed. */
  resize(address: Address, oldSize: number, newSize: number): boolean
}

/** Ability: regions on a wider boundary than {@link RegionAllocator.alignment}. */
export interface AlignedAllocator {
  /**
   * @param size - Bytes wanted.
   * @param alignment - A power of two.
   * @param offset - Bytes from the region's start to the place that lies on the boundary, a multiple of 4096; 0 unless given.
   * @returns An address that `offset` bytes on is a multiple of `alignment` (plus the layer's constant phase), or 0. Freed
   * with `deallocate(address, size)`.
   */
  allocateAligned(size: number, alignment: number, offset?: number): Address
}

/** Ability: regions that are known to be zero, cheaper than filling them where pages were never used. */
export interface ZeroedAllocator {
  /** Like `allocate`, and every byte of the region is 0. */
  allocateZeroed(size: number): Address
}

/** Ability: a region may be given back in parts, each a multiple of `alignment` in place and length. */
export interface DivisibleAllocator {
  readonly divisible: true
}

/** Ability: tell own addresses from foreign ones, exactly and in constant time. */
export interface Owner {
  owns(address: Address): boolean
}

/** Ability: tell which region, as it was handed out, an address lies in. */
export interface RegionFinder {
  /**
   * @param address - Inside a live region of this layer.
   * @throws {@link InvariantError} when it is not.
   */
  regionOf(address: Address): Region
}

/** Ability: give what is kept for later requests back to the parent. */
export interface Trimmable {
  /**
   * Gives every region back in which nothing is in use.
   *
   * @returns Bytes given back. Cost: linear in what is free.
   */
  trim(): number
}

/** Ability: verify every invariant of the layer. */
export interface Checkable {
  /** @throws `InvariantError` naming the first broken invariant. Cost: linear in the layer's structures. */
  check(): void
}

/** Receives one piece of a walked range. `used` is what the strategy believes, before any mark is read. */
export type PieceVisitor = (address: Address, size: number, used: boolean) => void

/** Walks the pieces of one region that the layer got from its parent, or of several that adjoin, in address order. */
export type RegionWalker = (address: Address, size: number, visit: PieceVisitor) => void

/** Ability: list the pieces of the layer's regions. */
export interface Walkable {
  /**
   * Starts a walk: takes note of what is free now. The heap must not change before the walk ends.
   *
   * @param sizeOfUsed - Bytes of the used piece at an address, for a layer does not remember sizes; 0 when unknown,
   * then the layer goes on at its next possible piece.
   */
  walker(sizeOfUsed: (address: Address) => number): RegionWalker
}

/** A region as a layer got it from its parent. */
export interface Region {
  readonly address: Address
  /** Bytes. */
  readonly length: number
}

/** Ability: make all lists, maps and counters anew, from nothing but what is in use. */
export interface Repairable {
  /**
   * Repairs the layer after an operation was cut short. Can be cut short itself, and begun again.
   *
   * @param regions - All regions that the parent has given to this layer, in address order.
   * @param usedBytes - Bytes of the piece that is in use at an address, 0 when none is.
   * @returns The regions that are not this layer's after all, to be given back: it was about to take or to return them.
   */
  repair(regions: readonly Region[], usedBytes: (address: Address) => number): readonly Region[]
}
