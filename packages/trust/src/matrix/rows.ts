/** All rows, by number; and those that no allocator can decide without instrumenting the program. */
import type { OpenRow, Row } from './row.ts'
import { boundsRows } from './rows-bounds.ts'
import { contentRows } from './rows-contents.ts'
import { pointerRows } from './rows-pointers.ts'
import { requestRows } from './rows-requests.ts'

export const ROWS: readonly Row[] = [
  ...boundsRows,
  ...pointerRows,
  ...contentRows,
  ...requestRows,
].sort((a, b) => a.id - b.id)

export const OPEN_ROWS: readonly OpenRow[] = [
  {
    id: 11,
    title: 'read of a freed block',
    verdict: 'not decidable',
    note: 'not decidable: a read leaves no mark. `debug` makes it visible: freed payloads hold `0x7ffbdddd`, a NaN',
  },
  {
    id: 12,
    title: 'read of a block that was never written to',
    verdict: 'not decidable',
    note: 'not decidable. `debug` makes it visible: fresh payloads hold `0x7ff9a5a5`, a NaN; `zeroOnAlloc` removes the question',
  },
  {
    id: 21,
    title: 'free with the wrong size',
    verdict: 'no such call',
    note: 'there is no sized free: the size is in the marks',
  },
  {
    id: 22,
    title: 'use of a stale view after growth',
    verdict: 'prevented',
    note: 'a stale view of unshared memory has length 0, one of shared memory is too short: reads give `undefined`. `heap.block(n).view(Type)` is always current',
  },
]
