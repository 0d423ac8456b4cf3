/**
 * Owner tags: which thread has which block, in heaps with the option `ownerTags`.
 *
 * A block belongs to the thread that allocated, re-allocated or adopted it last. Its marks say so, and change hands by a
 * stated intent, as in a resize: whoever dies in between, the block has one owner or the other.
 */
import { isOwning, type OwningMarking } from '@vmalloc/marking'
import { type Address, requireOption } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { readSettings, ZERO_ON_FREE } from '../settings.ts'
import { walkArena } from '../walk.ts'
import type { Session } from './session.ts'

/** @param option - What was asked for. @throws RangeError for a heap without owner tags. */
export function requireOwners({ marking }: Arena, option: string): OwningMarking {
  requireOption(isOwning(marking), option, true, 'the heap was created without ownerTags')
  return marking
}

/** Makes this thread the owner of a block. @throws `HeapCorruptionError`; then nothing was changed. */
export function adoptBlock(session: Session, payload: Address): void {
  const { arena } = session
  const { marking } = arena
  session.verify(payload)
  session.run(() => {
    const block = marking.verify(payload)
    arena.remark(block, marking.sizeAt(block), marking.kindAt(block), payload)
  })
}

/** Under the lock: frees all blocks of a dead thread. Cut short, it can be begun again. @returns How many there were. */
export function freeBlocksOf({ arena }: Session, threadId: number): number {
  const { memory } = arena
  const wipes = (readSettings(memory).flags & ZERO_ON_FREE) !== 0
  const blocks: { address: Address; size: number }[] = []
  walkArena(arena, ({ state, address, size, owner }) => {
    if (state === 'used' && owner === threadId) blocks.push({ address, size })
  })
  for (const { address, size } of blocks) {
    if (wipes) memory.zero(address, size)
    arena.free(address)
  }
  return blocks.length
}

/** Runs a step that marks blocks in the name of another thread. */
export function inNameOf({ marking }: Arena, threadId: number, step: () => void): void {
  if (!isOwning(marking)) {
    step()
    return
  }
  const { owner } = marking
  marking.owner = threadId
  try {
    step()
  } finally {
    marking.owner = owner
  }
}
