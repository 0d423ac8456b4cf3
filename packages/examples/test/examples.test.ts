/** Every example runs, does what it says, and leaves nothing behind. */
import { Heap } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { World } from '../src/ecs.ts'
import { JsonArena } from '../src/json-arena.ts'
import { SharedList } from '../src/shared-list.ts'
import { SharedMap } from '../src/shared-map.ts'
import { instantiateSorter, sortWith } from '../src/wasm-program.ts'
import { countWords } from '../src/word-count.ts'

describe('a list and a map that Workers share', () => {
  const text = Array.from({ length: 6000 }, (_, i) => `word${(i * 7) % 97}`).join(' ')

  test.each([1, 2, 3])('%s Workers count every word once', async (workers) => {
    const { heap, map, counts, lengths } = await countWords(text, workers)
    const expected = new Map<string, number>()
    for (const word of text.split(' ')) expected.set(word, (expected.get(word) ?? 0) + 1)
    expect(counts).toEqual(expected)
    expect(lengths.length).toBe(6000)
    expect(lengths.reduce((a, b) => a + b)).toBe(text.length - 5999)
    // Freed here, allocated by the Workers.
    for (const word of expected.keys()) expect(map.delete(word)).toBe(true)
    heap.check()
    expect(heap.stats().blocks).toBe(2)
  })

  test('one thread is enough', () => {
    const heap = Heap.create({ shared: true, maximum: 2 ** 24 })
    const map = SharedMap.create(heap, 2)
    for (let i = 0; i < 50; i++) map.add(`k${i % 10}`, i)
    expect(map.get('k3')).toBe(3 + 13 + 23 + 33 + 43)
    expect([map.delete('k3'), map.delete('k3'), map.get('k3')]).toEqual([true, false, 0])
    expect([...map.entries()]).toHaveLength(9)
    const list = new SharedList(heap)
    for (const value of [1, 2, 2 ** 32 - 1]) list.push(value)
    expect(list.takeAll()).toEqual([2 ** 32 - 1, 2, 1])
    expect(list.takeAll()).toEqual([])
    heap.check()
  })
})

test('struct of arrays: entities move, go, and their arrays grow', () => {
  const heap = Heap.create()
  {
    using world = new World(heap)
    for (let i = 0; i < 1000; i++) world.spawn(`entity ${i}`, i, 0, 1, 2)
    world.move(0.5)
    world.move(0.5)
    expect(world.entity(10)).toEqual({ name: 'entity 10', x: 11, y: 2 })
    world.despawn(10)
    expect(world.count).toBe(999)
    expect(world.entity(10)).toEqual({ name: 'entity 999', x: 1000, y: 2 })
    while (world.count > 500) world.despawn(0)
    heap.check()
  }
  expect(heap.stats().blocks).toBe(0)
})

test('a JSON document lives and goes with its scope', () => {
  const heap = Heap.create()
  const document = {
    users: Array.from({ length: 200 }, (_, i) => ({
      name: `ü${i}`,
      score: i / 4,
      tags: ['a', null, true, false],
    })),
    '': { empty: {}, list: [] },
  }
  const found = heap.scope((scope) => {
    const arena = new JsonArena(heap, scope, document)
    expect(arena.at('')).toEqual(document)
    expect(arena.at('users.7.tags.1')).toBeNull()
    expect(arena.at('users.200')).toBeUndefined()
    expect(arena.at('users.1.name.x')).toBeUndefined()
    expect(heap.stats().blocks).toBeGreaterThan(1000)
    return [arena.at('users.199.name'), arena.at('users.3.score')]
  })
  expect(found).toEqual(['ü199', 0.75])
  expect(heap.stats().blocks).toBe(0)
  const small = Heap.create({ memory: new ArrayBuffer(65536) })
  expect(() => small.scope((scope) => new JsonArena(small, scope, document))).toThrow(
    'does not fit',
  )
  expect(small.stats().blocks).toBe(0)
})

test('a WebAssembly program on our malloc', async () => {
  const heap = Heap.create()
  const sort = await instantiateSorter(heap)
  const numbers = Array.from({ length: 2000 }, (_, i) => ((i * 7919) % 4001) - 2000)
  expect(sortWith(heap, sort, numbers)).toEqual([...numbers].sort((a, b) => a - b))
  expect(sortWith(heap, sort, [])).toEqual([])
  expect(heap.stats().blocks).toBe(0)
  heap.check()
})
