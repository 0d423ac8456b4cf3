/**
 * Random programs: lists of operations without addresses. Blocks are named by an index that is taken modulo the number
 * of live ones, so that every part of a program is a program, and a failing one can be cut down.
 */
import type { Random } from '@vmalloc/conformance'

export type Operation =
  | { readonly op: 'malloc' | 'tryMalloc' | 'string' | 'block'; readonly size: number }
  | { readonly op: 'calloc'; readonly count: number; readonly size: number }
  | { readonly op: 'aligned'; readonly size: number; readonly alignment: number }
  | { readonly op: 'realloc'; readonly index: number; readonly size: number }
  | { readonly op: 'free' | 'freeTwice' | 'dup' | 'look'; readonly index: number }
  | { readonly op: 'freeInside'; readonly index: number; readonly offset: number }
  | { readonly op: 'allocMany'; readonly count: number; readonly size: number }
  | { readonly op: 'freeMany'; readonly index: number; readonly count: number }
  | { readonly op: 'freeAll' | 'trim' | 'other' | 'check' }

/** Sizes at the edges of all classes of all presets. */
const EDGES: readonly number[] = [
  0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 1000, 1024, 4079, 4080, 4096,
  65_505, 131_023, 131_040, 131_041, 131_071, 131_072, 131_073,
]

/** Blocks of a batch, but one. */
const MOST_AT_ONCE = 20

/** @param most - The biggest size but for edges. */
function sizeOf(random: Random, most: number): number {
  if (random.chance(0.02)) return random.pick(EDGES)
  return random.chance(0.6) ? random.below(100) : random.size(1, most)
}

/** Frees weigh a little less than allocations while few blocks are live, and more when many are. */
function randomOperation(random: Random, live: number, most: number): Operation {
  const roll = random.below(1000)
  const index = random.below(2 ** 31)
  if (roll < 380 + Math.min(live, 200)) {
    return roll < 3 && live > 0 ? { op: 'freeTwice', index } : { op: 'free', index }
  }
  const size = sizeOf(random, most)
  if (roll < 800) return { op: 'malloc', size }
  if (roll < 860) return { op: 'realloc', index, size }
  if (roll < 900) return { op: 'calloc', count: random.below(10), size: sizeOf(random, most >> 3) }
  if (roll < 940) return { op: 'aligned', size, alignment: 2 ** random.below(14) }
  if (roll < 950) return { op: 'freeInside', index, offset: random.below(2 ** 20) }
  if (roll < 960) return { op: 'dup', index }
  if (roll < 970) return { op: 'string', size: random.below(200) }
  if (roll < 980) return { op: 'block', size }
  if (roll < 984) return { op: 'tryMalloc', size }
  if (roll < 987) return { op: 'allocMany', count: random.below(MOST_AT_ONCE), size }
  if (roll < 990) return { op: 'freeMany', index, count: random.below(MOST_AT_ONCE) }
  if (roll < 995) return { op: 'look', index }
  if (roll < 996) return { op: 'trim' }
  if (roll < 998) return { op: 'other' }
  return random.chance(0.2) ? { op: 'freeAll' } : { op: 'check' }
}

/** Blocks that an operation adds, if there is room. */
function growthOf(operation: Operation, live: number): number {
  switch (operation.op) {
    case 'malloc':
    case 'tryMalloc':
    case 'string':
    case 'calloc':
    case 'aligned':
    case 'dup':
      return 1
    case 'allocMany':
      return operation.count
    case 'free':
    case 'freeTwice':
      return -1
    case 'freeMany':
      return -operation.count
    case 'freeAll':
      return -live
    default:
      return 0
  }
}

/** A program of `length` operations, as a machine of its own would draw it. */
export function randomProgram(random: Random, length: number, most: number): Operation[] {
  let live = 0
  return Array.from({ length }, () => {
    const operation = randomOperation(random, live, most)
    live = Math.max(0, live + growthOf(operation, live))
    return operation
  })
}
