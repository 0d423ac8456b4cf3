/** Freeing everything at once. */
import { BLOCKS, LIVE } from '../arena-layout.ts'
import type { Session } from '../threads/session.ts'
import { usedBlocks } from './leaks.ts'

/** With all other threads at rest. @returns Number of blocks freed. */
export function freeAllBlocks(session: Session): number {
  const { arena } = session
  // Looked at in a step of its own: damage found here is the user's, and no reason to repair the heap's structures.
  const used = session.inspect(() => {
    const blocks = usedBlocks(arena)
    for (const { address } of blocks) arena.marking.verify(address)
    return blocks
  })
  session.run(() => {
    for (const { address } of used) arena.free(address)
    clearCounters(session)
  })
  return used.length
}

/** The threads counted what they allocated, the arena what was freed now: the sum is 0, so may each of them be. */
function clearCounters({ arena, slots }: Session): void {
  const { u32 } = arena.memory
  const threads = [...(slots?.all() ?? [])].map((cache) => cache.counters)
  for (const counters of [arena.slots + LIVE, ...threads]) {
    u32[counters] = 0
    u32[counters + BLOCKS - LIVE] = 0
  }
}
