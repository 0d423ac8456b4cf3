/** Rows about contents: freed blocks, fresh blocks, free lists. */
import type { Bench } from './bench.ts'
import { everywhere, guardedOnly, type Row, type Trial } from './row.ts'

/** Words of a free block that hold links, from the payload on: 8 bytes. */
function writeAfterFree(offset: number): Trial {
  return {
    name: `byte ${offset}`,
    commit: (bench) => {
      const { heap, address } = bench
      heap.free(address)
      bench.flip(address + offset)
      // Either of them may meet it first; after a finding the next call works.
      heap.check()
      for (let i = 0; i < 3; i++) bench.malloc(bench.requested)
    },
    expected: (bench) => ({
      code: ['USE_AFTER_FREE', undefined],
      name: ['HeapCorruptionError', 'LinkError'],
      address: [bench.address, ...payloadsNear(bench)],
    }),
    undo: repairByUse,
  }
}

/** A link error of `check()` names the block, not the payload. */
function payloadsNear(bench: Bench): number[] {
  return [8, 16, 32].map((header) => bench.address - header)
}

/** `check()` only reads; the next call that takes the lock finds the damage too, and the one after it a sound heap. */
function repairByUse(bench: Bench): void {
  for (let i = 0; i < 4; i++) {
    try {
      bench.heap.free(bench.malloc(bench.requested))
    } catch {
      // Reported once more, and repaired.
    }
  }
}

export const contentRows: readonly Row[] = [
  {
    id: 10,
    title: 'write to a freed block',
    promise: { ...guardedOnly('never'), classic: 'partly' },
    trials: () => [9, 16, 33, 40].map(writeAfterFree),
    note: 'found when the block leaves the quarantine, and by `check()`, with offset, old and new byte. Elsewhere only links are watched: row 18',
  },
  {
    id: 18,
    title: 'write to the links of a free block',
    kinds: ['small', 'medium'],
    promise: everywhere('always'),
    trials: () => [0, 1, 2, 3, 4, 5, 6, 7].map(writeAfterFree),
    note: 'each link has a check word; nothing that does not answer to it is followed. The list is made anew from the headers',
  },
]
