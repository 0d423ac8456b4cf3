/** Marks of 1000 blocks: written, verified and erased. */
import { Memory } from '@vmalloc/memory'
import { test } from 'vitest'
import { ClassicMark, Mark32, type Marking, SMALL } from '../src/index.ts'

// A copy: vitest reads an imported name through a getter each time.
const KIND = SMALL
const BLOCKS = 1000
const SIZE = 96

test('mark, verify, erase: 1000 blocks', async ({ bench }) => {
  const round = (name: string, make: (memory: Memory) => Marking) => {
    const memory = Memory.create({ initial: 2 ** 18 })
    const marking = make(memory)
    const first = 8192 + marking.phase
    return bench(name, () => {
      for (let i = 0; i < BLOCKS; i++) {
        const payload = marking.mark(first + i * SIZE, SIZE, KIND, SIZE - 32)
        marking.erase(marking.verify(payload))
      }
    })
  }
  await bench.compare(
    round('Mark32', (memory) => new Mark32(memory)),
    round('ClassicMark', (memory) => new ClassicMark(memory)),
    { time: 300 },
  )
})
