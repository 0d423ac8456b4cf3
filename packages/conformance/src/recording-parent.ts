/**
 * A parent that keeps the books: what it gave, what came back, and whether both agree.
 *
 * A deallocation must name the start of an outstanding region and a size with the good size it was asked for. Over a
 * divisible parent any part of an outstanding region will do, if it is a multiple of the alignment in place and length.
 */
import { type Address, hex, type RegionAllocator } from '@vmalloc/memory'
import { type AbleAllocator, keepAbilities } from './abilities.ts'
import { ConformanceError } from './error.ts'

/** A region the parent gave and has not got back. */
export interface Region {
  readonly address: Address
  /** Length in bytes: the parent's good size of what was asked for. */
  readonly size: number
}

/** Told of every change, before the layer under test sees a grant and before the parent gets a return. */
export interface RegionListener {
  granted(address: Address, size: number): void
  returned(address: Address, size: number): void
}

/** Wraps a parent, counts its calls, and verifies what comes back. It has the abilities of the parent it wraps. */
export class RecordingParent implements RegionAllocator {
  readonly alignment: number
  /** Calls so far; `failed` are those that the parent had no room for. */
  readonly calls: { allocate: number; deallocate: number; resize: number; failed: number } = {
    allocate: 0,
    deallocate: 0,
    resize: 0,
    failed: 0,
  }
  /** Bytes given and not got back. */
  outstandingBytes = 0
  /** The most that {@link outstandingBytes} ever was. */
  peakBytes = 0
  readonly #parent: AbleAllocator
  readonly #listener: RegionListener | undefined
  readonly #sizes: Map<Address, number> = new Map()

  constructor(parent: AbleAllocator, listener?: RegionListener) {
    this.#parent = parent
    this.#listener = listener
    this.alignment = parent.alignment
    keepAbilities(this, parent, {
      resize: (address, oldSize, newSize) => this.#resize(address, oldSize, newSize),
      allocateAligned: (size, alignment, offset) =>
        this.#grant(parent.allocateAligned?.(size, alignment, offset) ?? 0, size),
      allocateZeroed: (size) => this.#grant(parent.allocateZeroed?.(size) ?? 0, size),
    })
  }

  /** Regions given and not got back, in address order. */
  outstanding(): Region[] {
    return [...this.#sizes]
      .map(([address, size]) => ({ address, size }))
      .sort((a, b) => a.address - b.address)
  }

  goodSize(size: number): number {
    return this.#parent.goodSize(size)
  }

  allocate(size: number): Address {
    return this.#grant(this.#parent.allocate(size), size)
  }

  /** @throws {@link ConformanceError} `parent-contract` unless the region, or a part it may give back, is outstanding. */
  deallocate(address: Address, size: number): void {
    const good = this.#parent.goodSize(size)
    const holder = this.#holder(address, good)
    this.calls.deallocate += 1
    this.#sizes.delete(holder.address)
    const before = address - holder.address
    const after = holder.size - before - good
    if (before > 0) this.#sizes.set(holder.address, before)
    if (after > 0) this.#sizes.set(address + good, after)
    this.outstandingBytes -= good
    this.#listener?.returned(address, good)
    this.#parent.deallocate(address, size)
  }

  #grant(address: Address, size: number): Address {
    this.calls.allocate += 1
    if (address === 0) {
      this.calls.failed += 1
      return 0
    }
    const good = this.#parent.goodSize(size)
    this.#sizes.set(address, good)
    this.#addBytes(good)
    this.#listener?.granted(address, good)
    return address
  }

  #resize(address: Address, oldSize: number, newSize: number): boolean {
    const old = this.#parent.goodSize(oldSize)
    const next = this.#parent.goodSize(newSize)
    const held = this.#sizes.get(address)
    if (held !== old) {
      throw new ConformanceError(
        'parent-contract',
        `resize(${hex(address)}, ${oldSize}, ${newSize}): ${describe(address, held)}`,
      )
    }
    this.calls.resize += 1
    if (next < old) this.#listener?.returned(address + next, old - next)
    if (this.#parent.resize?.(address, oldSize, newSize) !== true) {
      this.calls.failed += 1
      if (next < old) this.#listener?.granted(address + next, old - next)
      return false
    }
    this.#sizes.set(address, next)
    this.#addBytes(next - old)
    if (next > old) this.#listener?.granted(address + old, next - old)
    return true
  }

  #addBytes(bytes: number): void {
    this.outstandingBytes += bytes
    this.peakBytes = Math.max(this.peakBytes, this.outstandingBytes)
  }

  /** The outstanding region that [address, address + good) may be taken from. */
  #holder(address: Address, good: number): Region {
    const held = this.#sizes.get(address)
    if (held === good) return { address, size: good }
    const title = `deallocate(${hex(address)}, ${good})`
    if (this.#parent.divisible !== true) {
      throw new ConformanceError('parent-contract', `${title}: ${describe(address, held)}`)
    }
    const holder = this.outstanding().find(
      (region) => region.address <= address && address + good <= region.address + region.size,
    )
    if (holder === undefined) {
      throw new ConformanceError('parent-contract', `${title}: not part of one outstanding region`)
    }
    if ((address - holder.address) % this.alignment !== 0 || good % this.alignment !== 0) {
      throw new ConformanceError(
        'parent-contract',
        `${title}: parts must be multiples of ${this.alignment} bytes`,
      )
    }
    return holder
  }
}

function describe(address: Address, held: number | undefined): string {
  return held === undefined
    ? `no outstanding region begins at ${hex(address)}`
    : `the outstanding region there has ${held} bytes`
}
