/**
 * The word before a payload, where dlmalloc keeps the size of a chunk and whether it is in use.
 *
 * Whether the allocator at hand is one that does so is not known beforehand. The first blocks tell: a word that does not
 * fit the request it was made for ends the matter, and from then on nothing is concluded from such words.
 */
import type { Address } from '@vmalloc/memory'

const IN_USE_FLAG = 2
/** The flags "this chunk is in use" and "the chunk before is". Before a free one there is always one in use. */
const STATE_MASK = 3
const FREE_STATE = 1
const FLAGS_MASK = 7
const WORD_BYTES = 4
/** What a chunk may have beyond the request: rounding, and a rest too small for a chunk of its own. */
const MOST_SLACK_BYTES = 64
/** Blocks looked at before the words count. */
const PROBATION = 32
const REFUTED = -1

export class Heads {
  private readonly memory: WebAssembly.Memory
  private words: Uint32Array
  /** Blocks whose heads were right so far, or {@link REFUTED}. */
  private seen = 0

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory
    this.words = new Uint32Array(memory.buffer)
  }

  /** A 32-bit word of the memory. */
  word(address: Address): number {
    // A growth detaches the buffer.
    if (this.words.length === 0) this.words = new Uint32Array(this.memory.buffer)
    return this.words[address >>> 2]
  }

  /** Looks at a block that was just made, the first ones only. */
  born(address: Address, size: number): void {
    if (this.seen === REFUTED || this.seen === PROBATION) return
    const head = this.headOf(address)
    const slack = bytesOf(head) - size
    const right = (head & IN_USE_FLAG) !== 0 && slack >= 0 && slack <= MOST_SLACK_BYTES
    this.seen = right ? this.seen + 1 : REFUTED
  }

  /** Whether the chunk of a payload is free, for certain. */
  free(address: Address): boolean {
    return this.tell && (this.headOf(address) & STATE_MASK) === FREE_STATE
  }

  /** Whether the chunk of a payload is in use and has `size` bytes, for certain. */
  whole(address: Address, size: number): boolean {
    const head = this.headOf(address)
    return this.tell && (head & IN_USE_FLAG) !== 0 && bytesOf(head) >= size
  }

  /** Whether the head of a live payload of `size` bytes was overwritten, for certain. Both flags 0 stand for mapped pages. */
  damaged(address: Address, size: number): boolean {
    return this.tell && (this.headOf(address) & STATE_MASK) !== 0 && !this.whole(address, size)
  }

  private get tell(): boolean {
    return this.seen === PROBATION
  }

  private headOf(address: Address): number {
    return this.word(address - WORD_BYTES)
  }
}

function bytesOf(head: number): number {
  return (head & ~FLAGS_MASK) - WORD_BYTES
}
