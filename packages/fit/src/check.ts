/** The invariants of a fit: its lists, its side bits and its level bits agree. */
import { type Address, InvariantError } from '@vmalloc/memory'
import type { Fit } from './fit.ts'

/** Follows every list once. Cost: linear in the number of free blocks and of granules. */
export function checkFit(fit: Fit): void {
  const { blocks, regions, granuleBits } = fit
  if (!blocks.bitsMatch()) {
    throw new InvariantError('fit', 'the bits of non-empty lists contradict the lists')
  }
  const ends = new Map<Address, Set<number>>()
  blocks.each(fit.obtainedBytes >>> granuleBits, (block, granules) => {
    const origin = regions.originOf(block)
    if (origin === 0)
      throw new InvariantError('fit', 'a free block lies outside all regions', block)
    const index = (block - origin) / 2 ** granuleBits
    if (!Number.isInteger(index) || index + granules > regions.granules(origin)) {
      throw new InvariantError('fit', 'a free block does not fit its region', block)
    }
    const own = ends.get(origin) ?? new Set<number>()
    for (const end of [index, index + granules - 1]) {
      if (!fit.isEnd(origin, end))
        throw new InvariantError('fit', 'a free block has no side bit', block)
      own.add(end)
    }
    if (index > 0 && fit.isEnd(origin, index - 1)) {
      throw new InvariantError('fit', 'two free blocks adjoin', block)
    }
    ends.set(origin, own)
  })
  for (const [origin, own] of ends) {
    for (let index = 0; index < regions.granules(origin); index++) {
      if (fit.isEnd(origin, index) && !own.has(index)) {
        throw new InvariantError(
          'fit',
          'a side bit names a free block that is in no list',
          origin + index * 2 ** granuleBits,
        )
      }
    }
  }
}
