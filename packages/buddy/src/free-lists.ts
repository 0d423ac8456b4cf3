/**
 * Free lists, one for each order, doubly linked through the free blocks, and the word that tells which are not empty.
 *
 * Every link is proved by the check word beside it before it is followed; changing one link of a neighbour changes its
 * check word by the same bits.
 */
import { type Address, InvariantError, LinkError, type Memory } from '@vmalloc/memory'
import * as L from './layout.ts'

// Copies of imported constants: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const { HEADS, LINK_BYTES, LINK_OFFSET, NON_EMPTY, ORDERS } = L

export class FreeLists {
  declare private readonly memory: Memory
  declare private readonly heads: number
  declare private readonly nonEmpty: number
  declare private readonly linkOffset: number
  declare private readonly secret: number

  /** @param slots - Word index of the buddy's control block. */
  constructor(memory: Memory, slots: number) {
    this.memory = memory
    this.heads = slots + HEADS
    this.nonEmpty = slots + NON_EMPTY
    this.linkOffset = memory.u32[slots + LINK_OFFSET]
    this.secret = memory.secret
  }

  /** Smallest non-empty order that is at least `order`, -1 when there is none. */
  orderFrom(order: number): number {
    const orders = (this.memory.u32[this.nonEmpty] >>> order) << order
    return orders === 0 ? -1 : 31 - Math.clz32(orders & -orders)
  }

  head(order: number): Address {
    return this.memory.u32[this.heads + order]
  }

  push(block: Address, order: number): void {
    const u32 = this.memory.u32
    const next = u32[this.heads + order]
    const link = (block + this.linkOffset) >>> 2
    u32[link] = next
    u32[link + 1] = 0
    u32[link + 2] = next ^ block ^ this.secret
    if (next !== 0) {
      const nextLink = (next + this.linkOffset) >>> 2
      u32[nextLink + 1] = block
      u32[nextLink + 2] ^= block
    } else {
      u32[this.nonEmpty] |= 1 << order
    }
    u32[this.heads + order] = block
  }

  /** Takes a block out of the list of its order, wherever it stands in it. */
  unlink(block: Address, order: number): void {
    const u32 = this.memory.u32
    const link = (block + this.linkOffset) >>> 2
    const next = u32[link]
    const prev = u32[link + 1]
    if ((next ^ prev ^ block ^ this.secret) >>> 0 !== u32[link + 2]) this.failLink(block)
    if (next !== 0) {
      const nextLink = (next + this.linkOffset) >>> 2
      u32[nextLink + 1] = prev
      u32[nextLink + 2] ^= block ^ prev
    }
    if (prev !== 0) {
      const prevLink = (prev + this.linkOffset) >>> 2
      u32[prevLink] = next
      u32[prevLink + 2] ^= block ^ next
      return
    }
    u32[this.heads + order] = next
    if (next === 0) u32[this.nonEmpty] &= ~(1 << order)
  }

  /** Visits the blocks of one list, at most `limit`; verifies each link before it follows it. */
  each(order: number, limit: number, visit: (block: Address) => void): void {
    const { u32, byteLength } = this.memory
    let before = 0
    let left = limit
    for (let block = u32[this.heads + order]; block !== 0; ) {
      if (block + this.linkOffset + LINK_BYTES > byteLength) {
        throw new InvariantError(
          'buddy',
          `the free list of order ${order} leads out of the memory`,
          block,
        )
      }
      const link = (block + this.linkOffset) >>> 2
      const next = u32[link]
      const prev = u32[link + 1]
      if ((next ^ prev ^ block ^ this.secret) >>> 0 !== u32[link + 2]) this.failLink(block)
      if (prev !== before) {
        throw new InvariantError(
          'buddy',
          `the links of the free list of order ${order} do not match`,
          block,
        )
      }
      if (left-- === 0)
        throw new InvariantError('buddy', `the free list of order ${order} does not end`, block)
      visit(block)
      before = block
      block = next
    }
  }

  /** Empties all lists. */
  clear(): void {
    const { u32 } = this.memory
    u32[this.nonEmpty] = 0
    u32.fill(0, this.heads, this.heads + ORDERS)
  }

  /** Whether the word of non-empty orders tells the truth. */
  nonEmptyMatches(): boolean {
    const { u32 } = this.memory
    let orders = 0
    for (let order = 0; order < ORDERS; order++)
      if (u32[this.heads + order] !== 0) orders |= 1 << order
    return orders >>> 0 === u32[this.nonEmpty]
  }

  private failLink(block: Address): never {
    throw new LinkError('buddy', 'the links of a free block were overwritten', block)
  }
}
