/** How broken allocators are made: each a correct one with one thing wrong, and the law that must find it. */
import type { RegionAllocator } from '@vmalloc/memory'
import type { AbleAllocator, ConformanceOptions, Law, Surroundings } from '../../src/index.ts'
import { ByteMap } from '../byte-map.ts'

export interface Broken {
  readonly name: string
  readonly law: Law
  readonly make: (surroundings: Surroundings) => AbleAllocator
  /** What it claims of itself beyond what all of them do. */
  readonly claims?: Partial<ConformanceOptions>
  readonly attach?: (surroundings: Surroundings) => AbleAllocator
}

type Changes = Partial<AbleAllocator>

/** A correct allocator with some members replaced; the rest goes on working on it. */
export function spoil(
  change: (sound: ByteMap, surroundings: Surroundings) => Changes,
): Broken['make'] {
  return (surroundings) => {
    const sound = ByteMap.create(surroundings.memory, surroundings.parent)
    return spoilt(sound, change(sound, surroundings))
  }
}

export function spoilt(sound: ByteMap, changes: Changes): AbleAllocator {
  return {
    alignment: sound.alignment,
    divisible: true,
    goodSize: (size) => sound.goodSize(size),
    allocate: (size) => sound.allocate(size),
    deallocate: (address, size) => sound.deallocate(address, size),
    allocateAligned: (size, alignment, offset) => sound.allocateAligned(size, alignment, offset),
    allocateZeroed: (size) => sound.allocateZeroed(size),
    resize: (address, oldSize, newSize) => sound.resize(address, oldSize, newSize),
    owns: (address) => sound.owns(address),
    check: () => sound.check(),
    walker: (sizeOfUsed) => sound.walker(sizeOfUsed),
    ...changes,
  }
}

/** A correct allocator over a parent that is passed on with some members replaced. */
export function misuse(
  change: (parent: RegionAllocator) => Partial<RegionAllocator>,
): Broken['make'] {
  return ({ memory, parent }) =>
    ByteMap.create(memory, {
      alignment: parent.alignment,
      goodSize: (size) => parent.goodSize(size),
      allocate: (size) => parent.allocate(size),
      deallocate: (address, size) => parent.deallocate(address, size),
      ...change(parent),
    })
}

/** Another address than before, without a leak: what an allocator does whose state is not quite the same. */
export function detour(sound: ByteMap, size: number): number {
  const other = sound.allocate(1)
  const address = sound.allocate(size)
  if (other !== 0) sound.deallocate(other, 1)
  return address
}
