/**
 * `Quarantine`: freed blocks that are held back, oldest first, in a ring of words in the memory.
 *
 * Everything runs under the lock. A word of the ring is a claim, not a fact: a block counts as held only if its marks
 * say so too. A thread that dies between the two loses one block.
 */
import type { Marking } from '@vmalloc/marking'
import { type Address, InvariantError, type Memory } from '@vmalloc/memory'
import { HELD_BLOCKS, HELD_BYTES, OLDEST, RING } from './debug-layout.ts'
import type { QuarantineOptions } from './debug-options.ts'

export class Quarantine {
  readonly maxBlocks: number
  readonly maxBytes: number
  private readonly memory: Memory
  private readonly marking: Marking
  /** Word index of the control block. */
  private readonly slots: number

  constructor(
    memory: Memory,
    marking: Marking,
    slots: number,
    limits: Required<QuarantineOptions>,
  ) {
    this.memory = memory
    this.marking = marking
    this.slots = slots
    this.maxBlocks = limits.blocks
    this.maxBytes = limits.bytes
  }

  get blocks(): number {
    return this.memory.u32[this.slots + HELD_BLOCKS]
  }

  /** Bytes of the blocks held, marks included. */
  get bytes(): number {
    return this.memory.u32[this.slots + HELD_BYTES]
  }

  /** Whether a block of so many bytes is ever held. */
  takes(bytes: number): boolean {
    return this.maxBlocks > 0 && bytes <= this.maxBytes
  }

  /** Whether there is room for a block of so many bytes now. */
  hasRoomFor(bytes: number): boolean {
    return this.blocks < this.maxBlocks && this.bytes + bytes <= this.maxBytes
  }

  /** Takes a block that is marked as held. */
  push(block: Address, bytes: number): void {
    const { u32 } = this.memory
    u32[this.wordAt(this.blocks)] = block
    u32[this.slots + HELD_BYTES] += bytes
    u32[this.slots + HELD_BLOCKS]++
  }

  /** What the ring says is the block held longest. Nobody has looked at the block. */
  oldest(): Address {
    this.requireSane()
    if (this.blocks === 0)
      throw new InvariantError(
        'quarantine',
        `no block is held, but ${this.bytes} bytes are counted`,
      )
    return this.memory.u32[this.wordAt(0)]
  }

  /** Forgets the oldest block, whose size is not known any more. */
  dropLost(): void {
    this.dropOldest(0)
    let bytes = 0
    for (let i = 0; i < this.blocks; i++) {
      const block = this.memory.u32[this.wordAt(i)]
      if (this.marking.stateAt(block) === 'cached') bytes += this.marking.sizeAt(block)
    }
    this.memory.u32[this.slots + HELD_BYTES] = bytes
  }

  /** Forgets the oldest block of `bytes` bytes. */
  dropOldest(bytes: number): void {
    const { u32 } = this.memory
    u32[this.slots + OLDEST] = (u32[this.slots + OLDEST] + 1) % this.maxBlocks
    u32[this.slots + HELD_BLOCKS]--
    u32[this.slots + HELD_BYTES] = Math.max(0, u32[this.slots + HELD_BYTES] - bytes)
  }

  /** Visits the blocks, oldest first. @throws InvariantError when the ring was overwritten. */
  each(visit: (block: Address) => void): void {
    for (let i = 0; i < this.blocks; i++) visit(this.blockAt(i))
  }

  /** Empties the ring without looking at it: after a repair found it overwritten. The blocks stay held, and are lost. */
  forget(): void {
    this.memory.u32[this.slots + HELD_BLOCKS] = 0
    this.memory.u32[this.slots + HELD_BYTES] = 0
    this.memory.u32[this.slots + OLDEST] = 0
  }

  /**
   * Makes ring and counters anew, of those blocks in it that are held: for repairs. Can be cut short, and begun again; then
   * some blocks are held no longer.
   *
   * @returns The blocks that are held.
   */
  settle(isHeld: (block: Address) => boolean): ReadonlySet<Address> {
    const { u32 } = this.memory
    const held = new Set<Address>()
    if (this.isSane) {
      for (let i = 0; i < this.blocks; i++) {
        const block = u32[this.wordAt(i)]
        if (isHeld(block)) held.add(block)
      }
    }
    this.forget()
    for (const block of held) this.push(block, this.marking.sizeAt(block))
    return held
  }

  /** @throws InvariantError unless the ring, its counters and the marks agree. */
  check(): void {
    let bytes = 0
    this.each((block) => {
      bytes += this.marking.sizeAt(block)
    })
    if (bytes !== this.bytes) {
      throw new InvariantError('quarantine', `${bytes} bytes are held, but ${this.bytes} counted`)
    }
  }

  private blockAt(index: number): Address {
    this.requireSane()
    const block = this.memory.u32[this.wordAt(index)]
    if (this.marking.stateAt(block) !== 'cached') {
      throw new InvariantError('quarantine', 'a block held back is not marked as such', block)
    }
    return block
  }

  private get isSane(): boolean {
    const { blocks, maxBlocks } = this
    return blocks <= maxBlocks && (blocks === 0 || this.memory.u32[this.slots + OLDEST] < maxBlocks)
  }

  private requireSane(): void {
    if (!this.isSane)
      throw new InvariantError('quarantine', `${this.blocks} blocks of ${this.maxBlocks} are held`)
  }

  private wordAt(index: number): number {
    const { u32 } = this.memory
    return (u32[this.slots + RING] >>> 2) + ((u32[this.slots + OLDEST] + index) % this.maxBlocks)
  }
}
