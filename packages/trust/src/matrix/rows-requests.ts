/** Rows about requests that cannot be served. */
import type { Heap } from '@vmalloc/core'
import type { Bench } from './bench.ts'
import { everywhere, type Row, type Trial } from './row.ts'

class Refused extends Error {
  override readonly name = 'Refused'
}

/** The answer to a request that no memory can serve is 0, and nothing changes. */
function refused(name: string, request: (heap: Heap, bench: Bench) => number): Trial {
  return {
    name,
    commit: (bench) => {
      const before = figures(bench.heap)
      if (request(bench.heap, bench) !== 0) return
      if (figures(bench.heap) !== before)
        throw new Error(`the heap changed: ${figures(bench.heap)}`)
      throw new Refused(name)
    },
    expected: () => ({ name: 'Refused' }),
  }
}

function rejected(name: string, error: string, request: (heap: Heap) => number): Trial {
  return { name, commit: ({ heap }) => request(heap), expected: () => ({ name: error }) }
}

function figures(heap: Heap): string {
  const { live, blocks } = heap.stats()
  return JSON.stringify({ live, blocks })
}

export const requestRows: readonly Row[] = [
  {
    id: 13,
    title: 'leak',
    promise: everywhere('always'),
    trials: () => [
      {
        name: 'one of three',
        commit: ({ heap, before, address, after }) => {
          heap.free(before)
          heap.free(after)
          const leaks = heap.leaks().map((block) => block.address)
          heap.free(address)
          if (leaks.length === 1 && leaks[0] === address) throw new Refused('listed')
          throw new Error(`leaks() gave ${leaks.join(', ')}`)
        },
        expected: () => ({ name: 'Refused' }),
        undo: (bench) => {
          Object.assign(bench, { before: bench.malloc(1), after: bench.malloc(1) })
          for (const block of [bench.before, bench.after]) {
            const usable = bench.heap.usableSize(block)
            bench.u8.fill(block & 255, block, block + usable)
          }
        },
      },
    ],
    note: '`heap.leaks()` lists exactly the live blocks; `heap.debug.leaks()` groups them by call site. What is still reachable is not known',
  },
  {
    id: 14,
    title: 'a size that is no size, or overflows',
    kinds: ['medium'],
    promise: everywhere('always'),
    trials: () => [
      refused('2^32', (heap) => heap.malloc(2 ** 32)),
      refused('2^53', (heap) => heap.malloc(2 ** 53)),
      refused('infinite', (heap) => heap.malloc(Number.POSITIVE_INFINITY)),
      refused('2^16 * 2^16', (heap) => heap.calloc(2 ** 16, 2 ** 16)),
      refused('(2^32-1) * (2^32-1)', (heap) => heap.calloc(2 ** 32 - 1, 2 ** 32 - 1)),
      refused('realloc to 2^32-1', (heap, { address }) => heap.realloc(address, 2 ** 32 - 1)),
      rejected('negative', 'RangeError', (heap) => heap.malloc(-1)),
      rejected('a fraction', 'RangeError', (heap) => heap.malloc(1.5)),
      rejected('NaN', 'RangeError', (heap) => heap.malloc(Number.NaN)),
      rejected('a string', 'TypeError', (heap) => heap.malloc('16' as unknown as number)),
    ],
    note: 'refused before anything changes',
  },
  {
    id: 15,
    title: 'out of memory',
    kinds: ['medium'],
    promise: everywhere('always'),
    trials: () => [
      refused('malloc', (heap) => heap.malloc(60 * 2 ** 20 + 2 ** 22)),
      refused('calloc', (heap) => heap.calloc(64, 2 ** 20)),
      refused('alignedAlloc', (heap) => heap.alignedAlloc(2 ** 25, 2 ** 26)),
      refused('realloc', (heap, { address }) => heap.realloc(address, 2 ** 26)),
    ],
    note: 'the answer is 0; all blocks and their contents are as before',
  },
  {
    id: 16,
    title: 'an alignment that is none',
    kinds: ['medium'],
    promise: everywhere('always'),
    trials: () =>
      [0, 3, 24, -16, 2 ** 31, Number.NaN].map((alignment) =>
        rejected(String(alignment), 'RangeError', (heap) => heap.alignedAlloc(100, alignment)),
      ),
    note: 'a power of two up to 2^30',
  },
]
