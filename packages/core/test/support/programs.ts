/** Random programs for {@link HeapModel}, as fast-check arbitraries. */
import fc from 'fast-check'
import type { Operation } from './model.ts'

/** Sizes near the edges of all classes, and any size of any magnitude. */
const edges = [0, 1, 16, 17, 48, 64, 65, 96, 97, 4096, 65_505, 131_040, 131_041, 131_071, 131_072]
const magnitude = fc
  .tuple(fc.integer({ min: 0, max: 17 }), fc.integer({ min: 0, max: 131_071 }))
  .map(([power, bits]) => 2 ** power + (bits & (2 ** power - 1)))
const size = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 80 }) },
  { weight: 1, arbitrary: fc.constantFrom(...edges) },
  { weight: 3, arbitrary: magnitude },
)
const index = fc.nat({ max: 1000 })

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('malloc' as const), size }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('calloc' as const),
      count: fc.integer({ min: 0, max: 10 }),
      size: fc.integer({ min: 0, max: 20_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('aligned' as const),
      size,
      power: fc.integer({ min: 0, max: 16 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('realloc' as const), index, size }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('free' as const), index }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('freeTwice' as const), index }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('freeInside' as const), index, offset: fc.nat() }),
  },
)

/** Programs of up to `maxLength` operations. */
export function programs(maxLength: number): fc.Arbitrary<Operation[]> {
  return fc.array(operation, { maxLength, size: 'max' })
}
