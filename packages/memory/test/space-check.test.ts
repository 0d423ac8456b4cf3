/** `AddressSpace.check()` finds each kind of damage, and says which. */
import { describe, expect, test } from 'vitest'
import { type AddressSpace, InvariantError, PAGE_BYTES } from '../src/index.ts'
import { FIRST_SOURCE_TAG, NEXT_COLUMN, PREV_COLUMN, TAG_FREE } from '../src/run-map.ts'
import * as L from '../src/space-layout.ts'
import { newSpace } from './spaces.ts'

/**
 * Page 0 the superblock, 1 the page map, 2 to 4 mapped, 5 and 6 free, 7 mapped, 8 free, 9 mapped, 10 free, 11 mapped,
 * from 12 to 15 free.
 */
function sample(): AddressSpace {
  const space = newSpace()
  space.mmap(3 * PAGE_BYTES)
  const hole = space.mmap(2 * PAGE_BYTES)
  space.mmap(PAGE_BYTES)
  const second = space.mmap(PAGE_BYTES)
  space.mmap(PAGE_BYTES)
  const third = space.mmap(PAGE_BYTES)
  space.mmap(PAGE_BYTES)
  space.munmap(hole, 2 * PAGE_BYTES)
  space.munmap(second, PAGE_BYTES)
  space.munmap(third, PAGE_BYTES)
  space.check()
  return space
}

type Poke = (space: AddressSpace) => void

const word =
  (index: number, change: (value: number) => number): Poke =>
  ({ memory, slots }) => {
    memory.u32[slots + index] = change(memory.u32[slots + index])
  }
const column =
  (page: number, offset: number, value: number): Poke =>
  ({ memory, runs }) => {
    memory.u32[runs.table.slot(page) + offset] = value
  }
const binsWord = L.BINS_OFFSET_BYTES / 4

const DAMAGE: readonly [damage: string, message: RegExp, poke: Poke][] = [
  [
    'a run of no pages',
    /a run of 0 pages does not end where the next begins at 0x00002000/,
    column(2, 0, 0),
  ],
  [
    'a run beyond the end',
    /a run of 99 pages does not end/,
    ({ runs }) => runs.write(12, TAG_FREE, 99),
  ],
  [
    'a start bit lost',
    /a run of the chain is missing in the start bits at 0x00005000/,
    (space) => {
      space.memory.u32[space.runs.table.slot(0) + 3] &= ~(1 << 5)
    },
  ],
  [
    'a start bit too many',
    /a start bit is set inside a run at 0x00002000/,
    (space) => {
      space.memory.u32[space.runs.table.slot(0) + 3] |= 1 << 4
    },
  ],
  ['tag 0', /unknown tag 0 at 0x00002000/, ({ runs }) => runs.write(2, 0, 3)],
  [
    'a tag nobody has',
    /unknown tag 5 at 0x00002000/,
    ({ runs }) => runs.write(2, FIRST_SOURCE_TAG + 1, 3),
  ],
  [
    'free neighbours',
    /two free runs adjoin at 0x00007000/,
    ({ runs, memory, slots }) => {
      runs.write(7, TAG_FREE, 1)
      memory.u32[slots + L.MAPPED]--
    },
  ],
  [
    'a run outside the memory',
    /a run lies beyond the memory at 0x0000c000/,
    ({ runs, memory, slots }) => {
      runs.write(12, TAG_FREE, 5)
      memory.u32[slots + L.END]++
    },
  ],
  [
    'a mapping among the fresh pages',
    /a mapped run is taken to be never used at 0x0000b000/,
    word(L.FRESH, () => 11),
  ],
  [
    'mapped pages miscounted',
    /6 pages are mapped, but 5 counted/,
    word(L.MAPPED, (value) => value - 1),
  ],
  ['a peak too low', /the peak is below the present/, word(L.PEAK, () => 1)],
  [
    'page map miscounted',
    /pages of the page map are counted wrong/,
    word(L.META, (value) => value + 1),
  ],
  [
    'a bin that lists a mapped run',
    /a bin lists a run that is not free or of another length at 0x00002000/,
    column(10, NEXT_COLUMN, 2),
  ],
  [
    'a bin that lists a run of another length',
    /a bin lists a run that is not free or of another length at 0x00005000/,
    column(8, NEXT_COLUMN, 5),
  ],
  [
    'a link back that is wrong',
    /the links of a bin do not match at 0x00008000/,
    column(8, PREV_COLUMN, 0),
  ],
  [
    'a list that runs in a circle',
    /the links of a bin do not match at 0x0000a000/,
    column(8, NEXT_COLUMN, 10),
  ],
  ['a free run in no bin', /4 runs are free, but the bins list 3/, ({ bins }) => bins.remove(5, 2)],
  [
    'an empty bin with a head',
    /a bin lists a run that is not free or of another length at 0x00002000/,
    word(binsWord + 22 + 60, () => 2),
  ],
  [
    'a first-level bit too many',
    /the bits of the bins contradict their lists/,
    word(binsWord, (value) => value | (1 << 9)),
  ],
  [
    'a second-level bit lost',
    /the bits of the bins contradict their lists/,
    word(binsWord + 1, () => 0),
  ],
]

describe('check() names', () => {
  test.each(DAMAGE)('%s', (_, message, poke) => {
    const space = sample()
    poke(space)
    expect(() => space.check()).toThrow(InvariantError)
    expect(() => space.check()).toThrow(message)
    expect(() => space.check()).toThrow(/^address space: /)
  })

  test('nothing when all is well', () => {
    sample().check()
  })
})

test('maps() over a broken chain says so instead of running for ever', () => {
  const space = sample()
  column(5, 0, 0)(space)
  expect(() => [...space.maps()]).toThrow(/the run map is broken at page 5/)
})

test('a single bit flipped anywhere in the structures is found, or is one that nothing depends on', () => {
  const { memory, slots, runs } = sample()
  const words: number[] = []
  for (const page of [1, 2, 5, 7, 8, 10, 12]) words.push(runs.table.slot(page))
  for (const index of [L.MAPPED, L.META, binsWord, binsWord + 1]) words.push(slots + index)
  for (const index of words) {
    for (let bit = 0; bit < 32; bit++) {
      const space = sample()
      space.memory.u32[index] ^= 1 << bit
      expect(() => space.check(), `bit ${bit} of word ${index}`).toThrow(InvariantError)
    }
  }
  expect(memory.byteLength).toBe(65536)
})
