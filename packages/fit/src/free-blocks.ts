/**
 * Segregated lists of free blocks: good fit in constant time.
 *
 * Source: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic memory allocator for real-time systems",
 * ECRTS 2004. A level for each power of two, cut into 16 steps, so that a block taken from the next list up is at most
 * 1/16 too long before it is split. Every word of a free block is proved by a seal before it is followed, and before it is
 * sealed anew: a neighbour that somebody overwrote must not get a valid seal.
 */
import {
  type Address,
  InvariantError,
  LinkError,
  type Memory,
  seal as sealWord,
} from '@vmalloc/memory'
import * as layout from './layout.ts'

// Copies of imports: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const seal: typeof sealWord = sealWord
const { GRANULE_BITS, HEADS, LEVEL_BITS, LEVELS, LINK_OFFSET, STEP_BITS, STEPS, TAIL_BYTES } =
  layout
const STEP_COUNT: number = 1 << STEP_BITS
/** Blocks of the request's own list that are tried before a longer list: they may be a little too short. */
const NEAR_TRIES = 4

export class FreeBlocks {
  declare private readonly memory: Memory
  declare private readonly slots: number
  declare private readonly linkOffset: number
  declare private readonly granuleBits: number
  declare private readonly secret: number

  /** @param slots - Word index of the control block. */
  constructor(memory: Memory, slots: number) {
    this.memory = memory
    this.slots = slots
    this.linkOffset = memory.u32[slots + LINK_OFFSET]
    this.granuleBits = memory.u32[slots + GRANULE_BITS]
    this.secret = memory.secret | 0
  }

  /** Writes the words of a free block and enters it into the list of its size. */
  push(block: Address, granules: number): void {
    const u32 = this.memory.u32
    const list = listOf(granules)
    const head = this.slots + HEADS + list
    const next = u32[head]
    if (next !== 0) this.setPrev(this.verifiedAfter(next, 0), next, block)
    else {
      const level = list >>> STEP_BITS
      u32[this.slots + STEPS + level] |= 1 << (list & (STEP_COUNT - 1))
      u32[this.slots + LEVEL_BITS] |= 1 << level
    }
    const tailSeal = seal(granules, block ^ this.secret)
    const words = (block + this.linkOffset) >>> 2
    u32[words] = next
    u32[words + 1] = 0
    u32[words + 2] = granules
    u32[words + 3] = seal(next, seal(0, tailSeal))
    const tail = (block + (granules << this.granuleBits) - TAIL_BYTES) >>> 2
    u32[tail] = granules
    u32[tail + 1] = tailSeal
    u32[head] = block
  }

  /**
   * Takes a block out of its list, wherever it stands in it. Nothing is written before all is verified.
   *
   * @returns Its granules.
   */
  unlink(block: Address): number {
    const u32 = this.memory.u32
    const words = this.verified(block)
    const next = u32[words]
    const prev = u32[words + 1]
    const granules = u32[words + 2]
    const nextWords = next === 0 ? 0 : this.verifiedAfter(next, block)
    if (prev !== 0) {
      const prevWords = this.verified(prev)
      if (u32[prevWords] !== block) this.failPlace(block)
      u32[prevWords] = next
      u32[prevWords + 3] = this.sealAt(prevWords, prev)
    } else {
      const list = listOf(granules)
      if (u32[this.slots + HEADS + list] !== block) this.failPlace(block)
      u32[this.slots + HEADS + list] = next
      if (next === 0) this.clearBits(list)
    }
    if (next !== 0) this.setPrev(nextWords, next, prev)
    return granules
  }

  /** Granules of a free block. */
  granulesOf(block: Address): number {
    return this.memory.u32[this.verified(block) + 2]
  }

  /** Whether a free block of so many granules begins here. */
  spans(block: Address, granules: number): boolean {
    const { u32 } = this.memory
    const words = (block + this.linkOffset) >>> 2
    return this.sealAt(words, block) === u32[words + 3] && u32[words + 2] === granules
  }

  /** Start of the free block whose last granule ends at `end`; 0 when the words there were overwritten. */
  startFromTail(end: Address): Address {
    const u32 = this.memory.u32
    const tail = (end - TAIL_BYTES) >>> 2
    const granules = u32[tail]
    const block = end - (granules << this.granuleBits)
    return seal(granules, block ^ this.secret) === u32[tail + 1] ? block : 0
  }

  /**
   * @param exhaustive - Look at every block that might fit: for the last try before "no room".
   * @returns A free block of at least `granules` granules, still in its list; 0 when none was found.
   */
  find(granules: number, exhaustive: boolean): Address {
    const u32 = this.memory.u32
    const own = listOf(granules)
    let left = exhaustive ? 2 ** 27 : NEAR_TRIES
    for (let block = u32[this.slots + HEADS + own]; block !== 0 && left > 0; left--) {
      const words = this.verified(block)
      if (u32[words + 2] >= granules) return block
      block = u32[words]
    }
    const level = own >>> STEP_BITS
    const steps = u32[this.slots + STEPS + level] & (-2 << (own & (STEP_COUNT - 1)))
    if (steps !== 0) return u32[this.slots + HEADS + level * STEP_COUNT + lowestBit(steps)]
    const levels = u32[this.slots + LEVEL_BITS] & (-2 << level)
    if (levels === 0) return 0
    const higher = lowestBit(levels)
    return u32[
      this.slots + HEADS + higher * STEP_COUNT + lowestBit(u32[this.slots + STEPS + higher])
    ]
  }

  /** Visits all free blocks, list by list, at most `limit`; verifies each before it goes on. */
  each(limit: number, visit: (block: Address, granules: number) => void): void {
    const { u32, byteLength } = this.memory
    let left = limit
    for (let list = 0; list < LEVELS * STEP_COUNT; list++) {
      let before = 0
      for (let block = u32[this.slots + HEADS + list]; block !== 0; ) {
        if (block + this.linkOffset + layout.HEAD_BYTES > byteLength) {
          throw new InvariantError('fit', 'a list of free blocks leads out of the memory', block)
        }
        const words = this.verified(block)
        const granules = u32[words + 2]
        if (u32[words + 1] !== before || listOf(granules) !== list) this.failPlace(block)
        if (this.startFromTail(block + (granules << this.granuleBits)) !== block)
          this.failLink(block)
        if (left-- === 0)
          throw new InvariantError('fit', 'a list of free blocks does not end', block)
        visit(block, granules)
        before = block
        block = u32[words]
      }
    }
  }

  /** Empties all lists. */
  clear(): void {
    const { u32 } = this.memory
    u32.fill(0, this.slots + LEVEL_BITS, this.slots + HEADS + LEVELS * STEP_COUNT)
  }

  /** Whether the level and step bits tell the truth about the lists. */
  bitsMatch(): boolean {
    const { u32 } = this.memory
    let levels = 0
    let same = true
    for (let level = 0; level < LEVELS; level++) {
      let steps = 0
      for (let step = 0; step < STEP_COUNT; step++) {
        if (u32[this.slots + HEADS + level * STEP_COUNT + step] !== 0) steps |= 1 << step
      }
      if (steps !== 0) levels |= 1 << level
      same &&= steps === u32[this.slots + STEPS + level]
    }
    return same && levels === u32[this.slots + LEVEL_BITS]
  }

  /** Word index of the words of a free block, which are as they were written. */
  private verified(block: Address): number {
    const words = (block + this.linkOffset) >>> 2
    if (this.sealAt(words, block) !== this.memory.u32[words + 3]) this.failLink(block)
    return words
  }

  /** The same of a block that must stand behind `prev` in a list, 0 when it must be the first. */
  private verifiedAfter(block: Address, prev: Address): number {
    const words = this.verified(block)
    if (this.memory.u32[words + 1] !== prev) this.failPlace(block)
    return words
  }

  private setPrev(words: number, block: Address, prev: Address): void {
    const u32 = this.memory.u32
    u32[words + 1] = prev
    u32[words + 3] = this.sealAt(words, block)
  }

  private sealAt(words: number, block: Address): number {
    const u32 = this.memory.u32
    return seal(u32[words], seal(u32[words + 1], seal(u32[words + 2], block ^ this.secret)))
  }

  private clearBits(list: number): void {
    const u32 = this.memory.u32
    const level = list >>> STEP_BITS
    const steps = u32[this.slots + STEPS + level] & ~(1 << (list & (STEP_COUNT - 1)))
    u32[this.slots + STEPS + level] = steps
    if (steps === 0) u32[this.slots + LEVEL_BITS] &= ~(1 << level)
  }

  private failPlace(block: Address): never {
    throw new InvariantError('fit', 'a free block stands in the wrong list or place', block)
  }

  /** @internal */
  failLink(block: Address): never {
    throw new LinkError('fit', 'the words of a free block were overwritten', block)
  }
}

/** List of blocks of `granules` granules. Below 16 granules every length has a list of its own. */
function listOf(granules: number): number {
  const level = 31 - Math.clz32(granules)
  const step =
    level >= STEP_BITS ? granules >>> (level - STEP_BITS) : granules << (STEP_BITS - level)
  return (level << STEP_BITS) | (step & (STEP_COUNT - 1))
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits)
}
