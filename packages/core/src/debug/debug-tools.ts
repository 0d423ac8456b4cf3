/** What a `debug` or `sampled` heap can tell beyond errors: `heap.debug`. */
import type { StackTrace } from '@vmalloc/marking'
import type { Address } from '@vmalloc/memory'
import { usedBlocks } from '../front/leaks.ts'
import type { GuardedSession } from './guarded-session.ts'

/** Blocks in use that come from one place in the program. */
export interface LeakGroup {
  readonly blocks: number
  /** Bytes asked for. */
  readonly bytes: number
  /** The first of these allocations; they all have its stack. */
  readonly allocation: StackTrace
  /** Their payloads, in address order. */
  readonly addresses: readonly Address[]
}

/** Made by `heap.debug`. */
export class DebugTools {
  readonly #session: GuardedSession

  /** @internal */
  constructor(session: GuardedSession) {
    this.#session = session
  }

  /** Blocks that the quarantine holds back, and their bytes, marks included. */
  get quarantine(): { readonly blocks: number; readonly bytes: number } {
    const { blocks, bytes } = this.#session.quarantine
    return { blocks, bytes }
  }

  /**
   * Where the block at `address` was allocated.
   *
   * @returns `undefined` when the block is not guarded.
   * @throws `HeapCorruptionError` when no block begins at `address`.
   */
  allocationOf(address: Address): StackTrace | undefined {
    const session = this.#session
    const block = session.verify(address)
    return session.blocks.requestedAt(block) < 0 ? undefined : session.traces.allocationOf(block)
  }

  /**
   * Guarded blocks in use, by the place that allocated them, most bytes first. A program calls it at its end: all that
   * is left was leaked. Blocks of other threads are grouped by thread: their stacks are known there only.
   *
   * Cost: one walk.
   */
  leaks(): LeakGroup[] {
    const session = this.#session
    const groups = new Map<
      string,
      { bytes: number; allocation: StackTrace; addresses: Address[] }
    >()
    session.inspect(() => {
      for (const { block, address } of usedBlocks(session.arena)) {
        const bytes = session.blocks.requestedAt(block)
        if (bytes < 0) continue
        const allocation = session.traces.allocationOf(block)
        const key = allocation.stack ?? `thread ${allocation.thread}`
        const group = groups.get(key)
        if (group === undefined) groups.set(key, { bytes, allocation, addresses: [address] })
        else {
          group.bytes += bytes
          group.addresses.push(address)
          if (allocation.sequence < group.allocation.sequence) group.allocation = allocation
        }
      }
    })
    return [...groups.values()]
      .map((group) => ({ ...group, blocks: group.addresses.length }))
      .sort((a, b) => b.bytes - a.bytes || a.allocation.sequence - b.allocation.sequence)
  }
}
