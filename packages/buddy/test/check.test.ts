/** Damage to lists, side bytes and counters: reported, not followed; `check()` says which. */
import { InvariantError, LinkError, seal } from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import * as L from '../src/layout.ts'
import { CLASSIC, newBuddy, type Subject } from './buddies.ts'

/** The offset of the links in a free block, in words. */
const LINK = 4

interface Sample extends Subject {
  /** 16 blocks of 128 bytes in a row, every other of them free; the last freed is the head of its list. */
  readonly blocks: readonly number[]
}

function sample(): Sample {
  const subject = newBuddy(CLASSIC)
  const blocks = Array.from({ length: 16 }, () => subject.buddy.allocate(128))
  for (let i = 0; i < 16; i += 2) subject.buddy.deallocate(blocks[i], 128)
  subject.buddy.check()
  return { ...subject, blocks }
}

/** Writes links that prove themselves: damage that only `check()` can see. */
function link({ memory }: Sample, block: number, next: number, prev: number): void {
  const at = (block >>> 2) + LINK
  memory.u32[at] = next
  memory.u32[at + 1] = prev
  memory.u32[at + 2] = seal(next, seal(prev, block ^ memory.secret))
}

const word = (index: number, value: (old: number) => number) => (s: Sample) => {
  const at = (s.control >>> 2) + index
  s.memory.u32[at] = value(s.memory.u32[at])
}
const side = (s: Sample, block: number, value: number): void => {
  const origin = s.buddy.regions.originOf(block)
  s.memory.u8[s.buddy.side(origin, (block - origin) >>> s.buddy.granuleBits)] = value
}

const DAMAGE: readonly [damage: string, message: RegExp, poke: (s: Sample) => void][] = [
  [
    'an order too many',
    /the word of non-empty orders contradicts the lists/,
    word(L.NON_EMPTY, (old) => old | (2 ** 20)),
  ],
  [
    'an order lost',
    /the word of non-empty orders contradicts the lists/,
    word(L.NON_EMPTY, (old) => old & ~1),
  ],
  [
    'a list that leads out',
    /the free list of order 0 leads out of the memory at 0x7ffffff0/,
    (s) => link(s, s.blocks[14], 0x7ffffff0, 0),
  ],
  [
    'links that do not match',
    /the links of the free list of order 0 do not match/,
    (s) => link(s, s.blocks[14], s.blocks[10], 0),
  ],
  [
    'a list in a circle',
    /the links of the free list of order 0 do not match/,
    (s) => link(s, s.blocks[0], s.blocks[14], s.blocks[2]),
  ],
  [
    'a block of no region',
    /a free block lies outside all regions/,
    (s) => {
      const stranger = s.space.mmap(4096)
      link(s, stranger, 0, s.blocks[0])
      link(s, s.blocks[0], stranger, s.blocks[2])
    },
  ],
  [
    'a block where none can be',
    /a free block of order 1 does not fit its place/,
    (s) => {
      word(L.HEADS + 1, () => s.blocks[3])(s)
      word(L.NON_EMPTY, (old) => old | 2)(s)
      link(s, s.blocks[3], 0, 0)
    },
  ],
  [
    'a wrong side byte',
    /the side byte of a free block of order 0 is wrong/,
    (s) => side(s, s.blocks[6], 2),
  ],
  [
    'a lost side byte',
    /the side byte of a free block of order 0 is wrong/,
    (s) => side(s, s.blocks[6], 0),
  ],
  [
    'buddies not joined',
    /two free buddies of order 0 were not joined/,
    (s) => s.buddy.lists.push(s.blocks[1], 0) ?? side(s, s.blocks[1], 1),
  ],
  [
    'a side byte too many',
    /a side byte names a free block that is in no list/,
    (s) => side(s, s.blocks[3], 3),
  ],
  [
    'a block lost from its list',
    /a side byte names a free block that is in no list/,
    (s) => s.buddy.lists.unlink(s.blocks[8], 0),
  ],
  [
    'regions miscounted',
    /1 regions are entered, but 2 counted/,
    word((L.REGIONS_OFFSET_BYTES >>> 2) + 1, () => 2),
  ],
]

describe('check() names', () => {
  test.each(DAMAGE)('%s', (_, message, poke) => {
    const s = sample()
    poke(s)
    expect(() => s.buddy.check()).toThrow(InvariantError)
    expect(() => s.buddy.check()).toThrow(message)
    expect(() => s.buddy.check()).toThrow(/^buddy: /)
  })

  test('a side byte in a region that has no free block at all', () => {
    const subject = newBuddy(CLASSIC)
    const block = subject.buddy.allocate(131072)
    subject.buddy.check()
    side({ ...subject, blocks: [] }, block + 256, 2)
    expect(() => subject.buddy.check()).toThrow(/a side byte names a free block that is in no list/)
  })

  test('a list that is longer than there is room for', () => {
    const s = sample()
    // A limit of 0 granules: the bytes obtained are forgotten.
    word(L.REGIONS_OFFSET_BYTES >>> 2, () => 0)(s)
    expect(() => s.buddy.check()).toThrow(/the free list of order 0 does not end/)
  })
})

describe('an overwritten link', () => {
  const touch: readonly [string, (s: Sample) => void][] = [
    ['the allocation that would take the block', (s) => s.buddy.allocate(128)],
    ['the free that would join it', (s) => s.buddy.deallocate(s.blocks[15], 128)],
    ['check()', (s) => s.buddy.check()],
    ['countFree()', (s) => s.buddy.countFree()],
  ]

  test.each(touch)('is found by %s, whichever bit', (_, act) => {
    for (let bit = 0; bit < 96; bit++) {
      const s = sample()
      s.memory.u32[(s.blocks[14] >>> 2) + LINK + (bit >>> 5)] ^= 1 << (bit & 31)
      expect(() => act(s), `bit ${bit}`).toThrow(LinkError)
      expect(() => act(s)).toThrow(/^buddy: the links of a free block were overwritten at 0x/)
    }
  })

  test('is not followed: nothing outside the block changes', () => {
    const s = sample()
    s.memory.u32[(s.blocks[14] >>> 2) + LINK] = 0x8000
    const before = s.memory.u8.slice()
    expect(() => s.buddy.allocate(128)).toThrow(LinkError)
    expect(s.memory.u8).toEqual(before)
  })

  test('does not spread: other blocks stay usable', () => {
    const s = sample()
    s.memory.u8.fill(0xff, s.blocks[0], s.blocks[0] + 128)
    expect(s.buddy.allocate(128)).toBe(s.blocks[14])
    expect(s.buddy.allocate(200)).not.toBe(0)
    expect(() => s.buddy.check()).toThrow(LinkError)
  })
})

test('the header of a free block is left alone', () => {
  const s = sample()
  const { memory, buddy } = s
  const block = s.blocks[15]
  memory.u8.fill(0x77, block, block + 128)
  buddy.deallocate(block, 128)
  expect(memory.u8.subarray(block, block + 16).every((byte) => byte === 0x77)).toBe(true)
})

test('what lies before a region is not taken for a side byte of it', () => {
  const subject = newBuddy(CLASSIC)
  const wall = subject.space.mmap(4096)
  const block = subject.buddy.allocate(131072)
  const { memory, buddy } = subject
  const start = buddy.side(buddy.regions.originOf(block), 1023)
  // The buddy of the whole region would have the side byte before the first: here it looks free and of the same order.
  memory.u8.fill(11, wall, start)
  buddy.deallocate(block, 131072)
  buddy.check()
  expect(buddy.allocate(131072)).toBe(block)
})
