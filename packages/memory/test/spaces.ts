/** What the tests of the address space share. */
import {
  AddressSpace,
  Memory,
  MemoryError,
  type MemoryErrorCode,
  PAGE_BYTES,
} from '../src/index.ts'

/** A space of its own, as small as it gets: two pages are the heap's, the rest of the first 64 KiB is free. */
export function newSpace(maximum: number = 2 ** 24, initial: number = 65536): AddressSpace {
  return AddressSpace.create(Memory.create({ initial, maximum, secret: 1 }))
}

/** The listing in pages: `free:14 a:2`, from the first page after the page map's first leaf on. */
export function picture(space: AddressSpace): string {
  return [...space.maps()]
    .map(({ name, length }) => `${name.replace(/[[\]]/g, '')}:${length / PAGE_BYTES}`)
    .join(' ')
}

/** The error that `act` throws; fails when it throws none, or one that is not a `MemoryError` of this code. */
export function memoryError(code: MemoryErrorCode, act: () => unknown): MemoryError {
  try {
    act()
  } catch (error) {
    if (error instanceof MemoryError && error.code === code) return error
    throw error
  }
  throw new Error(`expected a MemoryError ${code}`)
}

/** Counts the words read through `memory.u32` while `act` runs. */
export function countReads(memory: Memory, act: () => void): number {
  const words = memory.u32
  let reads = 0
  memory.u32 = new Proxy(words, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  })
  try {
    act()
  } finally {
    memory.u32 = words
  }
  return reads
}
