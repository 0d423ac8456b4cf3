/**
 * `LeadRecord`: the facts about a guarded block of a heap whose other blocks have plain marks.
 *
 * A guarded block looks like an over-aligned one: the record lies in its lead, where plain marks expect nothing.
 *
 *     block + 0   lead | flag, magic     as for any lead
 *           + 8   check                  mixed bits of the address, of the five words below and of the secret
 *           +12   requested              bytes asked for
 *           +16   sequence, thread       of the allocation
 *           +24   sequence, thread       of the free, 0 while in use
 *           +44   lead
 *           +48   inner header
 *           +56   payload, `requested` bytes
 *           ...   slack, patterned
 *           size-8 footer
 *
 * So whoever allocates or frees an unguarded block never asks whether it is guarded.
 */
import {
  fillSlack,
  findSlackDamage,
  type GuardedBlocks,
  type Kind,
  type Mark32,
} from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'

export const LEAD_BYTES = 48
const LEAD_FLAG = 2
/** Word offsets from the block. */
const CHECK = 2
const REQUESTED = 3
const SEQUENCE = 4
const THREAD = 5
const FREED_SEQUENCE = 6
const FREED_THREAD = 7

export class LeadRecord implements GuardedBlocks {
  private readonly memory: Memory
  private readonly marking: Mark32

  constructor(memory: Memory, marking: Mark32) {
    this.memory = memory
    this.marking = marking
  }

  /** Marks a new block as guarded. @returns The payload. */
  write(
    block: Address,
    bytes: number,
    kind: Kind,
    requested: number,
    sequence: number,
    thread: number,
  ): Address {
    const { memory, marking } = this
    const payload = block + LEAD_BYTES + marking.headerBytes
    const { u32 } = memory
    const words = block >>> 2
    u32[words + REQUESTED] = requested
    u32[words + SEQUENCE] = sequence
    u32[words + THREAD] = thread
    u32[words + FREED_SEQUENCE] = 0
    u32[words + FREED_THREAD] = 0
    u32[words + CHECK] = this.checkOf(block)
    // Before the marks: should the thread die between, they do not promise a slack that is not there.
    fillSlack(memory, payload + requested, block + bytes - marking.footerBytes)
    marking.markAligned(block, bytes, kind, payload, requested)
    return payload
  }

  /** Makes sure that an over-aligned block does not pass for the guarded one that lay there before it. */
  forget(block: Address): void {
    if (this.requestedAt(block) >= 0) this.memory.u32[(block >>> 2) + CHECK] ^= 1
  }

  /** The block of a payload if it is guarded, in whatever state; 0 otherwise. */
  blockOf(payload: Address): Address {
    const block = payload - LEAD_BYTES - this.marking.headerBytes
    const inside = block > 0 && payload <= this.memory.byteLength && block % 4 === 0
    return inside && this.requestedAt(block) >= 0 ? block : 0
  }

  requestedAt(block: Address): number {
    const { u32 } = this.memory
    const words = block >>> 2
    if (u32[words] !== (LEAD_BYTES | LEAD_FLAG) || u32[words + CHECK] !== this.checkOf(block))
      return -1
    return u32[words + REQUESTED]
  }

  sequenceAt(block: Address): number {
    return this.memory.u32[(block >>> 2) + SEQUENCE]
  }

  threadAt(block: Address): number {
    return this.memory.u32[(block >>> 2) + THREAD]
  }

  freedSequenceAt(block: Address): number {
    return this.memory.u32[(block >>> 2) + FREED_SEQUENCE]
  }

  freedThreadAt(block: Address): number {
    return this.memory.u32[(block >>> 2) + FREED_THREAD]
  }

  findOverflow(block: Address): number {
    const { from, to } = this.slackOf(block)
    return findSlackDamage(this.memory, from, to)
  }

  hold(block: Address, sequence: number, thread: number): void {
    const { u32 } = this.memory
    const words = block >>> 2
    u32[words + FREED_SEQUENCE] = sequence
    u32[words + FREED_THREAD] = thread
    u32[words + CHECK] = this.checkOf(block)
    // The inner header says "freed" to whoever frees again, the outer one "cached" to walks and repairs.
    this.marking.toCached(u32, block)
    this.marking.erase(block + LEAD_BYTES)
  }

  mend(block: Address): void {
    const { from, to } = this.slackOf(block)
    fillSlack(this.memory, from, to)
  }

  release(block: Address): void {
    this.marking.toFreed(block)
  }

  private slackOf(block: Address): { from: Address; to: Address } {
    const { marking } = this
    const payload = block + LEAD_BYTES + marking.headerBytes
    return {
      from: payload + this.memory.u32[(block >>> 2) + REQUESTED],
      to: block + marking.sizeAt(block) - marking.footerBytes,
    }
  }

  private checkOf(block: Address): number {
    const { u32, secret } = this.memory
    let x = Math.imul(block ^ secret, 0x9e3779b1)
    for (let i = REQUESTED; i <= FREED_THREAD; i++) {
      x = Math.imul(x ^ u32[(block >>> 2) + i], 0x85ebca6b)
      x ^= x >>> 15
    }
    return (x ^ (x >>> 13)) >>> 0
  }
}
