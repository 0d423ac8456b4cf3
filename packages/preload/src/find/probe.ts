/**
 * Behavioural probes: is this function what it is taken for? Each runs in a fresh scratch instance.
 */
import type { Role } from './roles.ts'
import type { Laboratory, Scratch } from './scratch.ts'

const SIZES: readonly number[] = [1, 20, 100, 513, 4000, 70_000]
const LOWEST_BLOCK = 1024
/** dlmalloc keeps the size of a chunk, with three flag bits, in the word before the payload. */
const HEAD_FLAGS = 7
const HEAD_OVERHEAD_BYTES = 4

/** What a probe of malloc and free found out. */
export interface Probed {
  /** Largest power of two that all addresses seen were a multiple of, at most 16. */
  readonly alignment: number
}

/**
 * Allocates, fills, frees and allocates again.
 *
 * @returns Words saying what was wrong, or what was found out.
 */
export function probePair(laboratory: Laboratory, malloc: number, free: number): Probed | string {
  const scratch = laboratory.open()
  const blocks: { address: number; size: number }[] = []
  let all = 0
  for (const size of [...SIZES, ...SIZES]) {
    const address = scratch.call(malloc, size)
    if (address === null) return `malloc(${size}) trapped`
    const wrong = wrongBlock(scratch, blocks, address, size)
    if (wrong !== null) return `malloc(${size}) gave ${wrong}`
    scratch.bytes.fill(blocks.length + 1, address, address + size)
    blocks.push({ address, size })
    all |= address
  }
  for (const [index, { address, size }] of blocks.entries()) {
    if (!holds(scratch, address, size, index + 1)) return 'two blocks share bytes'
    if (scratch.call(free, address) === null) return 'free trapped'
  }
  const again = scratch.call(malloc, SIZES[2])
  if (again === null || !blocks.some(({ address, size }) => overlaps(address, size, again, 1))) {
    return 'freed memory is not used again'
  }
  return { alignment: Math.min(all & -all, 16) }
}

function wrongBlock(
  scratch: Scratch,
  blocks: readonly { readonly address: number; readonly size: number }[],
  address: number,
  size: number,
): string | null {
  if (address < LOWEST_BLOCK) return `${address}, no address`
  if (address % 8 !== 0) return 'an address that is not a multiple of 8'
  if (address + size > scratch.bytes.length) return 'an address outside the memory'
  if (blocks.some((block) => overlaps(block.address, block.size, address, size)))
    return 'a block in use'
  return null
}

function overlaps(one: number, size: number, other: number, otherSize: number): boolean {
  return one < other + otherSize && other < one + size
}

function holds(scratch: Scratch, address: number, size: number, value: number): boolean {
  return scratch.bytes.subarray(address, address + size).every((byte) => byte === value)
}

/** Whether the function behaves as a member with two parameters; `malloc` and `free` must have passed. */
export function probeRole(
  laboratory: Laboratory,
  malloc: number,
  free: number,
  index: number,
): Role | null {
  if (isMemalign(laboratory.open(), free, index)) return 'memalign'
  if (isRealloc(laboratory.open(), malloc, free, index)) return 'realloc'
  if (isCalloc(laboratory.open(), malloc, free, index)) return 'calloc'
  return null
}

function isMemalign(scratch: Scratch, free: number, index: number): boolean {
  const blocks: { address: number; size: number }[] = []
  for (const alignment of [32, 4096, 64, 1024, 32, 256, 4096]) {
    for (const size of [24, 100, 3000]) {
      const address = scratch.call(index, alignment, size)
      if (address === null || address % alignment !== 0) return false
      if (wrongBlock(scratch, blocks, address, size) !== null) return false
      blocks.push({ address, size })
    }
  }
  return blocks.every(({ address }) => scratch.call(free, address) !== null)
}

function isRealloc(scratch: Scratch, malloc: number, free: number, index: number): boolean {
  const guard = scratch.call(malloc, 64)
  const address = scratch.call(malloc, 40)
  const fence = scratch.call(malloc, 64)
  if (guard === null || address === null || fence === null) return false
  scratch.bytes.fill(0xa5, address, address + 40)
  scratch.bytes.fill(0x11, fence, fence + 64)
  const grown = scratch.call(index, address, 5000)
  if (grown === null || grown < LOWEST_BLOCK || grown % 8 !== 0) return false
  if (grown + 5000 > scratch.bytes.length || !holds(scratch, grown, 40, 0xa5)) return false
  if (overlaps(grown, 5000, fence, 64) || overlaps(grown, 5000, guard, 64)) return false
  scratch.bytes.fill(0xa5, grown, grown + 5000)
  const shrunk = scratch.call(index, grown, 100)
  if (shrunk === null || shrunk < LOWEST_BLOCK || !holds(scratch, shrunk, 100, 0xa5)) return false
  const fresh = scratch.call(index, 0, 200)
  if (fresh === null || fresh < LOWEST_BLOCK || overlaps(fresh, 200, shrunk, 100)) return false
  if (!holds(scratch, fence, 64, 0x11)) return false
  return scratch.call(free, shrunk) !== null && scratch.call(free, fresh) !== null
}

function isCalloc(scratch: Scratch, malloc: number, free: number, index: number): boolean {
  const dirty = scratch.call(malloc, 120)
  const fence = scratch.call(malloc, 64)
  if (dirty === null || fence === null) return false
  scratch.bytes.fill(0xff, dirty, dirty + 120)
  if (scratch.call(free, dirty) === null) return false
  for (const [count, size] of [
    [3, 40],
    [40, 3],
    [7, 1000],
  ]) {
    const address = scratch.call(index, count, size)
    if (address === null || address < LOWEST_BLOCK || address % 8 !== 0) return false
    if (address + count * size > scratch.bytes.length) return false
    if (!holds(scratch, address, count * size, 0)) return false
    const head = new DataView(scratch.bytes.buffer).getUint32(address - HEAD_OVERHEAD_BYTES, true)
    if ((head & ~HEAD_FLAGS) - HEAD_OVERHEAD_BYTES < count * size) return false
  }
  return scratch.call(index, 0x10000, 0x10000) === 0
}

/** Whether `realloc(p, 0)` answers 0 instead of a block. */
export function reallocOfZeroFrees(
  laboratory: Laboratory,
  malloc: number,
  realloc: number,
): boolean {
  const scratch = laboratory.open()
  const address = scratch.call(malloc, 40)
  return address !== null && scratch.call(realloc, address, 0) === 0
}
