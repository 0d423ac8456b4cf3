/** What a debugging heap asks of a marking, or of a record beside the marks: the facts about a guarded block. */
import type { Address } from '@vmalloc/memory'

/**
 * Facts about guarded blocks, and their way through a quarantine:
 *
 *     used --hold--> held (MarkState "cached") --release--> freed
 *
 * All facts are valid for used, held and freed blocks alike, until the block is handed out again. `block` is the start
 * of the whole block.
 */
export interface GuardedBlocks {
  /** Bytes asked for; -1 when the block is not guarded. */
  requestedAt(block: Address): number
  /** Number of the allocation. */
  sequenceAt(block: Address): number
  /** Thread that allocated. */
  threadAt(block: Address): number
  /** Number of the free, 0 for a used block. */
  freedSequenceAt(block: Address): number
  /** Thread that freed. */
  freedThreadAt(block: Address): number
  /** Address of the first damaged byte behind the payload, -1 when all is well. */
  findOverflow(block: Address): number
  /** Marks a used block as freed and held back. */
  hold(block: Address, sequence: number, thread: number): void
  /** Writes the slack behind the payload anew, after damage to it was reported. */
  mend(block: Address): void
  /** Gives a held block up: from now on its bytes are the strategy's. */
  release(block: Address): void
}
