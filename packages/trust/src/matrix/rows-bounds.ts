/** Rows about writing outside of a block. */
import type { Bench } from './bench.ts'
import { everywhere, guardedOnly, type Row, type Trial } from './row.ts'

/** Bytes of header and footer. */
const MARK_BYTES: { readonly [preset: string]: readonly [number, number] } = {
  default: [8, 8],
  classic: [16, 16],
  debug: [32, 16],
  sampled: [8, 8],
}

const facts = (bench: Bench): Record<string, unknown> => ({
  address: bench.address,
  size: bench.size,
})

function overflow(offset: number, by: (bench: Bench) => number): Trial {
  return {
    name: `byte ${offset} behind the usable bytes`,
    commit: (bench) => {
      bench.flip(bench.address + by(bench) + offset)
      bench.heap.free(bench.address)
    },
    expected: (bench) => {
      // The size can be asked for only while nobody looks at the marks: the trial has flipped one.
      bench.flip(bench.address + by(bench) + offset)
      const known = facts(bench)
      bench.flip(bench.address + by(bench) + offset)
      return { ...known, code: 'OVERFLOW', offset: by(bench) + offset - Number(known['size']) }
    },
    undo: (bench) => bench.flip(bench.address + by(bench) + offset),
  }
}

/** Usable bytes by arithmetic: after damage the heap refuses to say. */
const usable = (bench: Bench): number =>
  bench.guarded ? bench.requested : bench.heap.usableSize(bench.before)

function underflow(offset: number): Trial {
  return {
    name: `byte ${offset}`,
    commit: (bench) => {
      bench.flip(bench.address + offset)
      bench.heap.free(bench.address)
    },
    expected: (bench) => ({ code: 'UNDERFLOW', address: bench.address, offset }),
    undo: (bench) => bench.flip(bench.address + offset),
  }
}

export const boundsRows: readonly Row[] = [
  {
    id: 1,
    title: 'overflow, from the first byte that is not usable on',
    promise: everywhere('always'),
    trials: () => [0, 1, 2, 3, 4, 5, 6, 7].map((offset) => overflow(offset, usable)),
    note: 'found at free, realloc and `check()`, with the exact offset',
  },
  {
    id: 2,
    title: 'overflow inside the slack: past what was asked for, within what is usable',
    promise: guardedOnly(),
    trials: () => [0, 1, 6].map((offset) => overflow(offset, (bench) => bench.requested)),
    note: '`default` and `classic` do not know what was asked for, and let the caller have the slack',
  },
  {
    id: 3,
    title: 'far overflow, into the marks of the next block',
    kinds: ['small', 'medium'],
    promise: everywhere('always'),
    trials: () =>
      [1, 2, 3, 4].map((back) => ({
        name: `byte ${-back} of the neighbour`,
        commit: (bench) => {
          bench.flip(bench.after - back)
          bench.heap.free(bench.after)
        },
        expected: (bench) => ({ code: 'UNDERFLOW', address: bench.after, offset: -back }),
        undo: (bench) => bench.flip(bench.after - back),
      })),
    note: 'found when the block that was hit is freed, and by `check()`. A write into the payload of another block is not; a view from `heap.view` cannot do it at all',
  },
  {
    id: 4,
    title: 'underflow',
    promise: everywhere('always'),
    trials: () => [-1, -2, -3, -4].map(underflow),
    note: 'found at free, realloc and `check()`, with the exact offset',
  },
  {
    id: 19,
    title: 'any single bit of header or footer changed',
    oneHeap: true,
    promise: everywhere('always'),
    trials: (preset) => {
      const [header, footer] = MARK_BYTES[preset]
      const trials: Trial[] = []
      for (let bit = 0; bit < (header + footer) * 8; bit++) trials.push(bitFlip(bit, header))
      return trials
    },
    note: 'all bits, one by one: the marks are compared in full width',
  },
]

function bitFlip(bit: number, header: number): Trial {
  const byte = (bench: Bench): number => {
    const index = (bit >>> 3) - header
    if (index < 0) return bench.address + index
    // Guarded blocks end where their slack ends: the footer is found from the block's end.
    return footerOf(bench) + index
  }
  const flip = (bench: Bench): void => {
    bench.u8[byte(bench)] ^= 1 << (bit & 7)
  }
  let place = 0
  return {
    name: `bit ${bit}`,
    commit: (bench) => {
      place = byte(bench)
      bench.u8[place] ^= 1 << (bit & 7)
      bench.heap.free(bench.address)
    },
    expected: () => ({
      name: 'HeapCorruptionError',
      code: ['OVERFLOW', 'UNDERFLOW', 'INVALID_POINTER'],
    }),
    undo: (bench) => {
      if (place === 0) flip(bench)
      else bench.u8[place] ^= 1 << (bit & 7)
    },
  }
}

/** Where the footer of the victim begins. */
function footerOf(bench: Bench): number {
  let end = 0
  bench.heap.walk(({ address, block, blockSize, state }) => {
    if (state === 'used' && address === bench.address) end = block + blockSize
  })
  return end - MARK_BYTES[bench.preset][1]
}
