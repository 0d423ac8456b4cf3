/** The invariants of a buddy: its lists, its side bytes and its word of non-empty orders agree. */
import { type Address, InvariantError, type Memory } from '@vmalloc/memory'
import type { Buddy } from './buddy.ts'

/** Follows every list once. Cost: linear in the number of free blocks, of granules, and of pages. */
export function checkBuddy(buddy: Buddy, memory: Memory): void {
  const { lists, regions, granuleBits } = buddy
  if (!lists.nonEmptyMatches()) {
    throw new InvariantError('buddy', 'the word of non-empty orders contradicts the lists')
  }
  const limit = buddy.obtainedBytes >>> granuleBits
  const listed = new Map<Address, number>()
  for (let order = 0; order < 31 - granuleBits; order++) {
    lists.each(order, limit, (block) => {
      const origin = regions.originOf(block)
      if (origin === 0)
        throw new InvariantError('buddy', 'a free block lies outside all regions', block)
      const index = (block - origin) >>> granuleBits
      const granules = regions.granules(origin)
      if (index % (1 << order) !== 0 || index + (1 << order) > granules) {
        throw new InvariantError(
          'buddy',
          `a free block of order ${order} does not fit its place`,
          block,
        )
      }
      if (memory.u8[buddy.side(origin, index)] !== order + 1) {
        throw new InvariantError(
          'buddy',
          `the side byte of a free block of order ${order} is wrong`,
          block,
        )
      }
      const other = index ^ (1 << order)
      if (other + (1 << order) <= granules && memory.u8[buddy.side(origin, other)] === order + 1) {
        throw new InvariantError(
          'buddy',
          `two free buddies of order ${order} were not joined`,
          block,
        )
      }
      listed.set(block, order)
    })
  }
  const origins = regions.originsIn(0, Math.min(memory.byteLength, memory.maximum))
  if (origins.length !== buddy.regionCount) {
    throw new InvariantError(
      'buddy',
      `${origins.length} regions are entered, but ${buddy.regionCount} counted`,
    )
  }
  for (const origin of origins) {
    for (let index = 0; index < regions.granules(origin); index++) {
      const side = memory.u8[buddy.side(origin, index)]
      const block = origin + (index << granuleBits)
      if (side !== 0 && listed.get(block) !== side - 1) {
        throw new InvariantError(
          'buddy',
          'a side byte names a free block that is in no list',
          block,
        )
      }
    }
  }
}
