/**
 * The simplest parent there is: a range of a memory, handed out from its start upwards.
 *
 * Features
 * - Its state is outside the memory, so two runs of one program leave equal bytes.
 * - Regions come poisoned, not zeroed, and are poisoned when they come back: a layer that counts on zeroes, or reads
 *   what it gave away, fails.
 *
 * Basic design
 * - A stack of regions. One that is given back from the middle is remembered as free; as soon as everything above it
 *   is free, the top sinks over all of them. When all have come back, in whatever order, the top is at the start.
 * - At the end of the range, holes are given again to requests of just their size.
 */
import { type Address, hex, type Memory, type RegionAllocator } from '@vmalloc/memory'
import { ConformanceError } from './error.ts'

/** The range of a bump parent, and its alignment. */
export interface BumpParentOptions {
  /** First byte it may hand out. @defaultValue the end of the memory's control area */
  readonly start?: Address
  /** End of its range. @defaultValue the memory's length */
  readonly end?: Address
  /** A power of two in bytes. @defaultValue 16 */
  readonly alignment?: number
}

const POISON_GIVEN = 0xa5
const POISON_RETURNED = 0x5a

interface Slot {
  readonly address: Address
  readonly size: number
  live: boolean
}

/** A bump allocator over a plain range of a {@link Memory}. Abilities: none. */
export class BumpParent implements RegionAllocator {
  readonly alignment: number
  readonly #memory: Memory
  readonly #start: Address
  readonly #end: Address
  readonly #slots: Slot[] = []
  readonly #live: Map<Address, Slot> = new Map()

  /** @throws RangeError when the range is not inside the memory. */
  constructor(memory: Memory, options: BumpParentOptions = {}) {
    const { start = memory.controlEnd, end = memory.byteLength, alignment = 16 } = options
    if (!(start >= 0 && start <= end && end <= memory.byteLength)) {
      throw new RangeError(`the range ${start} to ${end} is not in ${memory.byteLength} bytes`)
    }
    if (!(alignment >= 1 && Number.isInteger(Math.log2(alignment)))) {
      throw new RangeError(`alignment is ${alignment}: it must be a power of two`)
    }
    this.#memory = memory
    this.alignment = alignment
    // Address 0 is null: a range that begins there gives up its first unit.
    this.#start = Math.max(this.goodSize(start), alignment)
    this.#end = end
  }

  /** Bytes between the start of the range and the top: regions given, and holes below a region still out. */
  get usedBytes(): number {
    return this.#top() - this.#start
  }

  /** Bytes of the regions still out. */
  get outstandingBytes(): number {
    let sum = 0
    for (const slot of this.#live.values()) sum += slot.size
    return sum
  }

  /** Forgets every region: whoever holds one must forget it too. */
  reset(): void {
    this.#slots.length = 0
    this.#live.clear()
  }

  goodSize(size: number): number {
    return Math.ceil(size / this.alignment) * this.alignment
  }

  allocate(size: number): Address {
    const good = this.goodSize(size)
    const slot = this.#nextSlot(good)
    if (slot === undefined) return 0
    const { address } = slot
    slot.live = true
    this.#live.set(address, slot)
    this.#memory.refresh().u8.fill(POISON_GIVEN, address, address + good)
    return address
  }

  /** @throws {@link ConformanceError} `parent-contract` for anything but an outstanding region and its size. */
  deallocate(address: Address, size: number): void {
    const slot = this.#live.get(address)
    if (slot === undefined || slot.size !== this.goodSize(size)) {
      throw new ConformanceError(
        'parent-contract',
        `deallocate(${hex(address)}, ${size}): ${
          slot === undefined ? 'no region begins there' : `the region there has ${slot.size} bytes`
        }`,
      )
    }
    slot.live = false
    this.#live.delete(address)
    this.#memory.refresh().u8.fill(POISON_RETURNED, address, address + slot.size)
    while (this.#slots.at(-1)?.live === false) this.#slots.pop()
  }

  /** At the top; when there is no room, a hole of just that size, so that one free makes room for one allocation. */
  #nextSlot(good: number): Slot | undefined {
    const address = this.#top()
    if (address + good > this.#end) {
      return this.#slots.find((slot) => !slot.live && slot.size === good)
    }
    const slot = { address, size: good, live: false }
    this.#slots.push(slot)
    return slot
  }

  #top(): Address {
    const last = this.#slots.at(-1)
    return last === undefined ? this.#start : last.address + last.size
  }
}
