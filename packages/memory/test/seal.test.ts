/** What a plain exclusive or lets pass: equal bits turned over in a word and in its seal, equal words, fills. */
import { describe, expect, test } from 'vitest'
import { seal } from '../src/index.ts'

const TRIALS = 2000

/** Random words, by splitmix32. */
function randomWords(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
}

/** Two words and their seal, as in a list that is linked both ways. */
function sealedPair(
  random: () => number,
): [next: number, prev: number, seal: number, place: number] {
  const place = random()
  // Ends of a list are 0: the words that two equal values fit most easily.
  const link = (): number => (random() % 2 === 0 ? 0 : (random() % 2 ** 20) * 16)
  const next = link()
  const prev = link()
  return [next, prev, seal(next, seal(prev, place)), place]
}

const CHANGES: readonly [name: string, change: (old: number, value: number) => number][] = [
  ['turned over by the same bits', (old, value) => old ^ value],
  ['overwritten by the same word', (_, value) => value],
  ['raised by the same amount', (old, value) => old + value],
]
/** Which of next, prev and seal are changed. */
const SUBSETS = [
  [0, 1],
  [0, 2],
  [1, 2],
  [0, 1, 2],
] as const

describe.each(CHANGES)('words %s', (_, change) => {
  const values: readonly [string, (random: () => number) => number][] = [
    ['equal bytes', (random) => Math.imul(1 + (random() % 255), 0x01010101) >>> 0],
    ['one bit', (random) => 2 ** (random() % 32)],
    ['one', () => 1],
    ['any word', (random) => random() || 1],
  ]

  test.each(values)('%s: not one passes', (_name, draw) => {
    const random = randomWords(11)
    for (let trial = 0; trial < TRIALS; trial++) {
      const value = draw(random)
      for (const subset of SUBSETS) {
        const [next, prev, sealed, place] = sealedPair(random)
        const words = [next, prev, sealed]
        for (const index of subset) words[index] = change(words[index], value) >>> 0
        const same = words[0] === next && words[1] === prev && words[2] === sealed
        const passes = words[2] === seal(words[0], seal(words[1], place))
        expect(passes && !same, `${value} on ${subset.join()} of ${words.join()}`).toBe(false)
      }
    }
  })
})

test('a change of one word never passes', () => {
  const random = randomWords(12)
  for (let trial = 0; trial < TRIALS; trial++) {
    const [word, under, other] = [random(), random(), random()]
    if (word !== other) expect(seal(other, under)).not.toBe(seal(word, under))
    if (under !== other) expect(seal(word, other)).not.toBe(seal(word, under))
  }
})

test('a seal is an unsigned word, as a Uint32Array gives it back', () => {
  const random = randomWords(13)
  for (let trial = 0; trial < TRIALS; trial++) {
    const value = seal(random(), -random())
    expect(value).toBe(value >>> 0)
  }
})
