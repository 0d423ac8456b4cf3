/** Freeing everything at once. */
import { BLOCKS, LIVE } from '../arena-layout.ts'
import type { Session } from '../threads/session.ts'
import { usedBlocks } from './leaks.ts'

/**
 * To be called under the lock, with all other threads at rest.
 *
 * @returns Number of blocks freed.
 * @throws `HeapCorruptionError` when a block is damaged; then nothing was freed.
 */
export function freeAllBlocks({ arena, slots }: Session): number {
  const used = usedBlocks(arena)
  for (const { address } of used) arena.marking.verify(address)
  for (const { address } of used) arena.free(address)
  // The threads counted what they allocated, the arena what was freed now: the sum is 0, so may each of them be.
  const { u32 } = arena.memory
  for (const counters of [
    arena.slots + LIVE,
    ...[...(slots?.all() ?? [])].map((one) => one.counters),
  ]) {
    u32[counters] = 0
    u32[counters + BLOCKS - LIVE] = 0
  }
  return used.length
}
