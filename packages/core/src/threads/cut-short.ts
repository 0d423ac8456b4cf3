/**
 * The names of threads that were cut short in an operation: as long as there is one, the next operation repairs.
 *
 * - A word of its own, and no bit of the lock word: it outlives the lock, says whose cache may be half changed, and is
 *   cleared last, when all is repaired; unlocking clears the lock word in one exchange and must preserve nothing.
 * - More than one: who reports a death names the dead before it takes the lock from it, and may die itself in the repair;
 *   and one that was delayed may name a thread that somebody else has buried meanwhile. Such a name costs a repair that
 *   was not needed, and must not stand in the way of one that is. Names are never taken back for others: somebody else
 *   may rely on the same one.
 * - The first word is set whenever a name counts, so one look is enough: words are taken from the first on, by those who
 *   do not hold the lock too, and cleared from the last on, under the lock.
 *
 * Room for four: whatever can be half changed has a name unless four threads die one after the other in one repair.
 */
import type { Arena } from '../arena.ts'
import { CUT_SHORT, CUT_SHORT_WORDS } from '../arena-layout.ts'

/** Names a thread: one that holds the lock, or held it when it died. */
export function nameCutShort({ memory, slots }: Arena, threadId: number): void {
  for (let word = slots + CUT_SHORT; word < slots + CUT_SHORT + CUT_SHORT_WORDS; word++) {
    const seen = Atomics.compareExchange(memory.i32, word, 0, threadId)
    if (seen === 0 || seen === threadId) return
  }
}

export function namesCutShort({ memory, slots }: Arena): readonly number[] {
  const words = memory.u32.subarray(slots + CUT_SHORT, slots + CUT_SHORT + CUT_SHORT_WORDS)
  return [...words].filter((threadId) => threadId !== 0)
}

/** Under the lock, when all is repaired. @param threadId - Clears this name only. */
export function clearCutShort({ memory, slots }: Arena, threadId?: number): void {
  const { u32 } = memory
  for (let word = slots + CUT_SHORT + CUT_SHORT_WORDS - 1; word >= slots + CUT_SHORT; word--)
    if (threadId === undefined || u32[word] === threadId) u32[word] = 0
}
