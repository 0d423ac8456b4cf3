/** Recording one's own program: the trace keeps the rules of the format, and says what happened. */
import { Random } from '@vmalloc/conformance'
import { Heap } from '@vmalloc/core'
import {
  CALLOC,
  CODE_BITS,
  CODE_MASK,
  decodeTrace,
  FREE,
  MALLOC,
  MEMALIGN,
  REALLOC,
} from '@vmalloc/trace'
import { expect, test } from 'vitest'

test('each call of the family, as it was asked for', () => {
  const heap = Heap.create()
  const recorder = heap.record()
  const a = heap.malloc(0)
  const b = heap.calloc(3, 5)
  const c = heap.alignedAlloc(10, 4096)
  const d = heap.realloc(0, 7)
  const e = heap.realloc(b, 100_000)
  heap.realloc(d, 0)
  heap.free(0)
  heap.free(a)
  expect(heap.malloc(2 ** 32)).toBe(0)
  expect(heap.realloc(e, 2 ** 31)).toBe(0)
  expect(() => heap.free(c + 16)).toThrow()
  expect(() => heap.malloc(-1)).toThrow()
  const trace = decodeTrace(recorder.finish(), 'mine')
  const calls = Array.from(trace.op, (op, i) => [op & CODE_MASK, trace.id[i], trace.size[i]])
  expect(calls).toEqual([
    [MALLOC, 0, 0],
    [CALLOC, 1, 15],
    [MEMALIGN, 2, 10],
    [MALLOC, 3, 7],
    [REALLOC, 1, 100_000],
    [FREE, 3, 0],
    [FREE, 0, 0],
  ])
  expect((trace.op[2] as number) >>> CODE_BITS).toBe(12)
  expect(trace).toMatchObject({ liveAtEnd: 2, prologue: 0, cut: true })
})

test('what was in use before is the prologue; after stop nothing is recorded', () => {
  const heap = Heap.create()
  const old = [heap.malloc(100), heap.malloc(1000)]
  const recorder = heap.record()
  heap.free(old[0] as number)
  recorder.stop()
  expect(recorder.recording).toBe(false)
  heap.free(heap.malloc(10))
  recorder.stop()
  const trace = recorder.trace('late')
  expect(trace).toMatchObject({ name: 'late', prologue: 2, operations: 3, liveAtEnd: 1 })
  // The prologue is in address order, and knows usable sizes only.
  expect(Array.from(trace.size).sort((a, b) => a - b)).toEqual([0, 112, 1008])
  heap.check()
})

test('handles, strings, scopes and freeAll are recorded too, each call once', () => {
  const heap = Heap.create()
  using recorder = heap.record()
  heap.scope((scope) => {
    scope.allocString('text')
    scope.block(10)
    scope.allocArray(Float64Array, 4)
  })
  expect(recorder.operations).toBe(6)
  heap.dup(heap.malloc(10))
  heap.freeAll()
  expect(recorder.operations).toBe(10)
  expect(recorder.trace().liveAtEnd).toBe(0)
})

test('what another handle frees is noticed when the address comes up again', () => {
  const heap = Heap.create({ shared: true, maximum: 2 ** 22, threadCache: false })
  const other = Heap.attach(heap.handle)
  const recorder = heap.record()
  const first = heap.malloc(5000)
  other.free(first)
  expect(heap.malloc(5000)).toBe(first)
  const foreign = other.malloc(40)
  heap.free(foreign)
  const moved = heap.realloc(other.malloc(40), 50)
  heap.free(moved)
  const trace = recorder.trace()
  const codes = Array.from(trace.op, (op) => op & CODE_MASK)
  expect(codes).toEqual([MALLOC, FREE, MALLOC, MALLOC, FREE])
  expect(trace.liveAtEnd).toBe(1)
})

test('a random program: the trace replays to the same live blocks and sizes', () => {
  const seed = 20261123
  const random = new Random(seed)
  for (const options of [
    {},
    { preset: 'classic' },
    { zeroOnAlloc: true, zeroOnFree: true },
  ] as const) {
    const heap = Heap.create(options)
    const recorder = heap.record()
    const live = new Map<number, number>()
    for (let i = 0; i < 3000; i++) {
      const pick = [...live.keys()][random.below(Math.max(1, live.size))]
      const size = random.below(random.below(10) === 0 ? 200_000 : 500)
      const what = random.below(6)
      if (what < 3 || pick === undefined) live.set(heap.malloc(size), size)
      else if (what < 5) {
        heap.free(pick)
        live.delete(pick)
      } else {
        live.delete(pick)
        const moved = heap.realloc(pick, size)
        if (moved !== 0) live.set(moved, size)
      }
    }
    const trace = decodeTrace(recorder.finish())
    const sizes = new Map<number, number>()
    trace.op.forEach((op, i) => {
      if ((op & CODE_MASK) === FREE) sizes.delete(trace.id[i] as number)
      else sizes.set(trace.id[i] as number, trace.size[i] as number)
    })
    const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b)
    expect(sorted(sizes.values()), `seed ${seed}`).toEqual(sorted(live.values()))
    heap.check()
  }
})

test('calls that do not block are recorded when they took effect', async () => {
  const heap = Heap.create({ shared: true, maximum: 2 ** 22 })
  const recorder = heap.record()
  const first = heap.tryMalloc(30)
  const second = await heap.mallocAsync(40)
  await heap.freeAsync(first)
  await heap.freeAsync(second)
  const trace = recorder.trace()
  expect(Array.from(trace.op)).toEqual([MALLOC, MALLOC, FREE, FREE])
  expect(Array.from(trace.size)).toEqual([30, 40, 0, 0])
})

test('recorders nest: the inner one ends first', () => {
  const heap = Heap.create()
  const outer = heap.record()
  heap.malloc(1)
  const inner = heap.record()
  heap.malloc(2)
  inner.stop()
  heap.malloc(3)
  outer.stop()
  expect([outer.operations, inner.operations]).toEqual([3, 2])
})

test('recorders end in the reverse order of their start; the other order is refused, and loses nothing', () => {
  const heap = Heap.create()
  const first = heap.record()
  const second = heap.record()
  heap.malloc(1)
  expect(() => first.stop()).toThrow(/started later/)
  expect(() => first.finish()).toThrow(/started later/)
  heap.malloc(2)
  expect([first.operations, second.operations]).toEqual([2, 2])
  second.stop()
  heap.malloc(3)
  first.stop()
  heap.malloc(4)
  expect([first.operations, second.operations]).toEqual([3, 2])
  expect([first.recording, second.recording]).toEqual([false, false])
})
