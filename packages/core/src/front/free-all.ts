/** Freeing everything at once. */
import type { Address } from '@vmalloc/memory'
import type { Session } from '../threads/session.ts'
import { usedBlocks } from './leaks.ts'

/**
 * With all other threads at rest.
 *
 * @param free - Frees one block.
 * @returns Number of blocks freed.
 */
export function freeAllBlocks(
  session: Session,
  free: (address: Address) => void = (address) => session.free(address),
): number {
  const { marking } = session.arena
  // All are looked at before the first is freed. Damage found here is the user's, and no reason to repair structures.
  const used = session.inspect(() => {
    const blocks = usedBlocks(session.arena)
    for (const { address } of blocks) marking.verify(address)
    return blocks
  })
  for (const { address } of used) free(address)
  return used.length
}
