/**
 * Free lists, one for each order, doubly linked through the free blocks, and the word that tells which are not empty.
 *
 * Links are proved by the seal beside them before they are followed, and before they are sealed anew: a neighbour that
 * somebody overwrote must not get a valid seal.
 */
import {
  type Address,
  InvariantError,
  LinkError,
  type Memory,
  seal as sealWord,
} from '@vmalloc/memory'
import * as L from './layout.ts'

// Copies of imports: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const seal: typeof sealWord = sealWord
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
    this.secret = memory.secret | 0
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
    if (next !== 0) this.setPrev(this.verifiedAfter(next, 0), next, block)
    else u32[this.nonEmpty] |= 1 << order
    const link = (block + this.linkOffset) >>> 2
    u32[link] = next
    u32[link + 1] = 0
    u32[link + 2] = this.sealOf(block, next, 0)
    u32[this.heads + order] = block
  }

  /** Takes a block out of the list of its order, wherever it stands in it. Nothing is written before all is verified. */
  unlink(block: Address, order: number): void {
    const u32 = this.memory.u32
    const link = this.verified(block)
    const next = u32[link]
    const prev = u32[link + 1]
    const nextLink = next === 0 ? 0 : this.verifiedAfter(next, block)
    if (prev !== 0) {
      const prevLink = this.verified(prev)
      if (u32[prevLink] !== block) this.failOrder(order, block)
      u32[prevLink] = next
      u32[prevLink + 2] = this.sealOf(prev, next, u32[prevLink + 1])
    } else {
      if (u32[this.heads + order] !== block) this.failOrder(order, block)
      u32[this.heads + order] = next
      if (next === 0) u32[this.nonEmpty] &= ~(1 << order)
    }
    if (next !== 0) this.setPrev(nextLink, next, prev)
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
      const link = this.verified(block)
      if (u32[link + 1] !== before) this.failOrder(order, block)
      if (left-- === 0)
        throw new InvariantError('buddy', `the free list of order ${order} does not end`, block)
      visit(block)
      before = block
      block = u32[link]
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

  /** Word index of the links of a free block, which are as they were written. */
  private verified(block: Address): number {
    const u32 = this.memory.u32
    const link = (block + this.linkOffset) >>> 2
    if (this.sealOf(block, u32[link], u32[link + 1]) !== u32[link + 2])
      throw new LinkError('buddy', 'the links of a free block were overwritten', block)
    return link
  }

  /** The same of a block that must stand behind `prev` in a list, 0 when it must be the first. */
  private verifiedAfter(block: Address, prev: Address): number {
    const link = this.verified(block)
    if (this.memory.u32[link + 1] !== prev)
      throw new InvariantError('buddy', 'the links of two free blocks do not match', block)
    return link
  }

  private setPrev(link: number, block: Address, prev: Address): void {
    const u32 = this.memory.u32
    u32[link + 1] = prev
    u32[link + 2] = this.sealOf(block, u32[link], prev)
  }

  private sealOf(block: Address, next: Address, prev: Address): number {
    return seal(next, seal(prev, block ^ this.secret))
  }

  private failOrder(order: number, block: Address): never {
    throw new InvariantError(
      'buddy',
      `the links of the free list of order ${order} do not match`,
      block,
    )
  }
}
