/** Rows about freeing what is not, or not any more, the caller's. */
import { Heap } from '@vmalloc/core'
import { type Bench, optionsOf } from './bench.ts'
import { everywhere, guardedOnly, type Row, type Trial } from './row.ts'

const doubleFree = (bench: Bench): Record<string, unknown> => ({
  code: 'DOUBLE_FREE',
  address: bench.address,
})

/** @param between - What happens between the two frees. */
function freeTwice(name: string, between: (bench: Bench) => void): Trial {
  return {
    name,
    commit: (bench) => {
      bench.heap.free(bench.address)
      between(bench)
      bench.heap.free(bench.address)
    },
    expected: doubleFree,
  }
}

function invalid(name: string, pointer: (bench: Bench) => number): Trial {
  return {
    name,
    commit: (bench) => bench.heap.free(pointer(bench)),
    expected: (bench) => ({
      code: ['INVALID_POINTER', 'FOREIGN_POINTER'],
      address: pointer(bench),
    }),
  }
}

export const pointerRows: readonly Row[] = [
  {
    id: 5,
    title: 'double free of a block that was not handed out again',
    promise: everywhere('always'),
    trials: () => [
      freeTwice('at once', () => {}),
      freeTwice('after other frees', (bench) => {
        for (let i = 0; i < 100; i++) bench.heap.free(bench.malloc(bench.requested + 3000))
      }),
      {
        name: 'by realloc',
        commit: (bench) => {
          bench.heap.free(bench.address)
          bench.heap.realloc(bench.address, 10)
        },
        expected: doubleFree,
      },
    ],
    note: 'the state is part of the header',
  },
  {
    id: 6,
    title: 'double free after the address could have been handed out again',
    promise: guardedOnly('never'),
    trials: () =>
      [1, 10, 50].map((count) =>
        freeTwice(`after ${count} allocations of its size`, (bench) => {
          for (let i = 0; i < count; i++) bench.malloc(bench.requested)
        }),
      ),
    note: 'certain as long as the block is in the quarantine; elsewhere the second free frees the block of the new owner',
  },
  {
    id: 7,
    title: 'a pointer into a block',
    promise: everywhere('always'),
    trials: () =>
      [1, 4, 8, 16, 24, 32, 40].map((offset) =>
        invalid(`${offset} bytes into it`, (bench) => bench.address + offset),
      ),
    note: 'certain when misaligned; a 16-aligned one passes with 2^-30 (`classic`: only as a forgery). The report names the block around it',
  },
  {
    id: 8,
    title: 'a pointer that was never allocated',
    promise: everywhere('always'),
    kinds: ['medium'],
    trials: () => {
      const trials = [
        invalid('negative', () => -16),
        invalid('a fraction', () => 20_000.5),
        invalid('NaN', () => Number.NaN),
        invalid('2^32', () => 2 ** 32),
        invalid('2^53', () => 2 ** 53),
        invalid('the last address', () => 2 ** 32 - 16),
        invalid('the control area', () => 1024),
      ]
      for (let i = 1; i <= 100; i++)
        trials.push(invalid(`random ${i}`, () => Math.imul(i, 0x9e3779b1) >>> 0))
      return trials
    },
    note: 'certain outside of the memory and when misaligned, 1 - 2^-30 for each other word',
  },
  {
    id: 9,
    title: 'a pointer of another heap, or of the program around the heap',
    promise: everywhere('always'),
    kinds: ['medium'],
    trials: (preset) => [
      invalid('of another heap', (bench) => bench.after + 4096 * 100 + 16),
      {
        name: 'of the program around it',
        commit: () => {
          const memory = new WebAssembly.Memory({ initial: 4, maximum: 64 })
          const { maximum: _, ...options } = optionsOf(preset)
          Heap.create({ ...options, memory }).free(1024)
        },
        expected: () => ({ code: 'FOREIGN_POINTER', address: 1024 }),
      },
    ],
    note: 'an address is a number: where this heap has a block of its own, that block is meant',
  },
  {
    id: 17,
    title: 'realloc of a freed, inner or unknown pointer',
    promise: everywhere('always'),
    trials: () =>
      [0, 16, 8].map((offset) => ({
        name: offset === 0 ? 'freed' : `${offset} bytes into the block`,
        commit: (bench: Bench) => {
          if (offset === 0) bench.heap.free(bench.address)
          bench.heap.realloc(bench.address + offset, 5000)
        },
        expected: (bench: Bench) => ({
          code: offset === 0 ? 'DOUBLE_FREE' : 'INVALID_POINTER',
          address: bench.address + offset,
        }),
      })),
    note: 'verified before anything is copied',
  },
  {
    id: 20,
    title: 'two threads free the same block, one after the other',
    promise: everywhere('always'),
    trials: (preset) => [
      {
        name: 'two attachments',
        commit: (bench) => {
          const heap = Heap.create({ ...optionsOf(preset), shared: true })
          const other = Heap.attach(heap.handle)
          const address = heap.malloc(bench.requested)
          heap.free(address)
          other.free(address)
        },
        expected: () => ({ code: 'DOUBLE_FREE' }),
      },
    ],
    note: 'at the very same time: certain under the lock (`classic`, `debug`, `threadCache: false`); with thread caches two frees within the same few nanoseconds can both pass',
  },
]
