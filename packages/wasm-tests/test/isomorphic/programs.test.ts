/** Real programs whose malloc is ours: over the heap's memory, and over their own. */
import { Heap, HeapCorruptionError } from '@vmalloc/core'
import { totalsOf } from '@vmalloc/core/map'
import { describe, expect, test } from 'vitest'
import { type Functions, overHeapMemory, overOwnMemory } from '../../src/load.ts'

const call = (program: Functions, name: string, ...words: number[]): number => {
  const result = program[name]?.(...words)
  return result ?? 0
}

/** What objects.ts computes, computed here. */
function expectedRun(n: number): number {
  const words = new Map<string, number>()
  let listed = 0
  for (let i = 0; i < n; i++) {
    const word = `w${(i * 7919) % 211}`
    words.set(word, (words.get(word) ?? 0) + 1)
    if (i % 7 === 0) listed += word.length + 1
  }
  let sum = 0
  for (const count of [...words.values()].sort((a, b) => a - b))
    sum = (Math.imul(sum, 31) + count) | 0
  return (sum + listed) | 0
}

describe('a list in hand-written text, over the heap’s memory', () => {
  const shapes = [
    ['unshared', 'list', { maximum: 2 ** 26 }],
    ['classic', 'list', { preset: 'classic', maximum: 2 ** 26 }],
    ['shared', 'sharedList', { shared: true, maximum: 2 ** 32 }],
  ] as const
  test.each(shapes.slice(0, 2))(
    '%s: nodes are blocks, and all are given back',
    (_name, module, options) => {
      listTest(module, Heap.create(options))
    },
  )
  // The type of the import bounds the maximum of a shared memory.
  test('shared: nodes are blocks, and all are given back', () => {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 1024, shared: true })
    listTest('sharedList', Heap.create({ memory, shared: true, base: 4096 }))
  })

  function listTest(module: 'list' | 'sharedList', heap: Heap): void {
    const program = overHeapMemory(module, heap)
    const head = call(program, 'build', 10_000)
    expect(call(program, 'sum', head)).toBe(50_005_000)
    expect(heap.stats().blocks).toBe(10_000)
    expect(heap.memory.u32[head >>> 2]).toBe(10_000)
    heap.check()
    call(program, 'release', head)
    expect(heap.stats()).toMatchObject({ blocks: 0, live: 0 })
    heap.check()
  }

  test('no room is the null pointer, and what was built can be released', () => {
    const heap = Heap.create({ maximum: 2 ** 20 })
    const program = overHeapMemory('list', heap)
    expect(call(program, 'build', 1_000_000)).toBe(0)
    expect(heap.freeAll()).toBeGreaterThan(10_000)
    const head = call(program, 'build', 1000)
    expect(call(program, 'sum', head)).toBe(500_500)
  })

  test('a byte written behind a block is found when the program frees it', () => {
    const heap = Heap.create()
    const program = overHeapMemory('list', heap)
    const block = call(program, 'overflow', 16)
    let error: unknown
    try {
      heap.free(block)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(HeapCorruptionError)
    expect(error).toMatchObject({ code: 'OVERFLOW', address: block, offset: 0 })
  })

  test('a double free in the program reaches its caller as our error', () => {
    const heap = Heap.create()
    const program = overHeapMemory('list', heap)
    const head = call(program, 'build', 1)
    call(program, 'release', head)
    expect(() => call(program, 'release', head)).toThrow(HeapCorruptionError)
    heap.check()
  })
})

describe('an AssemblyScript program with its collector, in its own memory', () => {
  test.each([
    ['from __heap_base on', (program: Functions) => call(program, 'heapBase')],
    ['in pages obtained by memory.grow', () => undefined],
  ] as const)('%s', (_name, base) => {
    const { program, heap, memory } = overOwnMemory('objects', base)
    const start = base(program) ?? 65536
    expect(heap.memory.base).toBeGreaterThanOrEqual(start)
    expect(call(program, 'run', 20_000)).toBe(expectedRun(20_000))
    expect(heap.stats().blocks).toBeGreaterThan(100)
    heap.check()
    // The program grows its memory behind our back, with our views and without.
    const before = memory.buffer.byteLength
    expect(call(program, 'grow', 3)).toBe(before / 65536)
    expect(call(program, 'run', 20_000)).not.toBe(0)
    expect(call(program, 'push', 100_000)).toBe((99_999 * 100_000) / 4)
    expect(call(program, 'grow', 2)).toBeGreaterThan(0)
    heap.check()
    const { blocks } = heap.stats()
    call(program, 'collect')
    call(program, 'collect')
    expect(heap.stats().blocks).toBeLessThan(blocks)
    heap.check()
  })

  test('the snapshot of its heap, and its other bytes, make a second program go on', () => {
    const first = overOwnMemory('objects', (program) => call(program, 'heapBase'))
    call(first.program, 'run', 1000)
    const bytes = first.heap.snapshot()
    expect(bytes.length).toBeLessThan(first.memory.buffer.byteLength + 4096)
    const again = Heap.restore(bytes)
    again.check()
    expect(again.stats().blocks).toBe(first.heap.stats().blocks)
  })
})

describe('the whole family, called from WebAssembly', () => {
  const errors: number[] = []
  const make = (options = {}, importOptions = {}): ReturnType<typeof overOwnMemory> =>
    overOwnMemory(
      'family',
      (_program, exports) => Number((exports['__heap_base'] as WebAssembly.Global).value),
      options,
      { setErrno: (value: number) => errors.push(value), ...importOptions },
    )

  test('the heap begins at __heap_base, and static data below stays', () => {
    const { heap, memory, program } = make()
    expect(heap.memory.base).toBe(8192)
    for (let i = 0; i < 100; i++) call(program, 'malloc', 5000)
    heap.check()
    const text = new TextDecoder().decode(new Uint8Array(memory.buffer).slice(16, 42))
    expect(text).toBe('static data of the program')
  })

  test('C argument order and contents', () => {
    const { heap, program } = make()
    const a = call(program, 'malloc', 100)
    expect(call(program, 'malloc_usable_size', a)).toBe(heap.usableSize(a))
    expect(call(program, 'malloc_usable_size', 0)).toBe(0)
    call(program, 'fill', a, 100, 0xab)
    const b = call(program, 'realloc', a, 200_000)
    expect(call(program, 'count', b, 100, 0xab)).toBe(100)
    call(program, 'free', b)
    const zeroed = call(program, 'calloc', 50, 2)
    expect(call(program, 'count', zeroed, 100, 0)).toBe(100)
    expect(call(program, 'aligned_alloc', 4096, 100) % 4096).toBe(0)
    expect(call(program, 'memalign', 256, 100) % 256).toBe(0)
    expect(call(program, 'realloc', zeroed, 0)).toBe(0)
    expect(call(program, 'realloc', 0, 10)).not.toBe(0)
    call(program, 'free', 0)
    heap.check()
  })

  test('errno: values of both numberings, results as in C', () => {
    for (const [numbering, EINVAL, ENOMEM] of [
      ['linux', 22, 12],
      ['wasi', 28, 48],
    ] as const) {
      errors.length = 0
      const { heap, program, memory } = make({}, { errno: numbering })
      const place = call(program, 'malloc', 4)
      const word = (): number => new DataView(memory.buffer).getUint32(place, true)
      expect(call(program, 'posix_memalign', place, 64, 1000)).toBe(0)
      expect(word() % 64).toBe(0)
      expect(heap.usableSize(word())).toBeGreaterThanOrEqual(1000)
      const before = word()
      for (const alignment of [0, 1, 2, 3, 24, -8]) {
        expect(call(program, 'posix_memalign', place, alignment, 10)).toBe(EINVAL)
      }
      expect(call(program, 'posix_memalign', place, 16, -100)).toBe(ENOMEM)
      expect(word()).toBe(before)
      expect(errors).toEqual([])
      expect(call(program, 'aligned_alloc', 24, 10)).toBe(0)
      expect(call(program, 'memalign', 0, 10)).toBe(0)
      expect(call(program, 'malloc', -1)).toBe(0)
      expect(call(program, 'calloc', 65536, 65536)).toBe(0)
      expect(call(program, 'realloc', place, -1)).toBe(0)
      expect(errors).toEqual([EINVAL, EINVAL, ENOMEM, ENOMEM, ENOMEM])
      expect(() => call(program, 'posix_memalign', 0, 16, 10)).toThrow(RangeError)
      expect(() => call(program, 'posix_memalign', -2, 16, 10)).toThrow(RangeError)
      heap.check()
    }
  })

  test('pages that the program takes stay the program’s', () => {
    const { heap, program, memory } = make()
    for (let round = 0; round < 4; round++) {
      const mine = call(program, 'grow', 2) * 65536
      call(program, 'fill', mine, 131_072, 0xcd)
      for (let i = 0; i < 3; i++) call(program, 'calloc', 1, 150_000)
      expect(call(program, 'count', mine, 131_072, 0xcd)).toBe(131_072)
      heap.check()
    }
    expect(totalsOf(heap.map()).foreign).toBe(8 * 65536)
    expect(heap.memory.byteLength).toBe(memory.buffer.byteLength)
  })

  test('addresses above 2 GiB, negative words in WebAssembly', () => {
    let made: ReturnType<typeof overOwnMemory>
    try {
      made = overOwnMemory('family', (program) => {
        if (call(program, 'grow', 32_768) === -1) throw new RangeError('no memory of 2 GiB here')
        return 2 ** 31
      })
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      console.log(`skipped: ${error.message}`)
      return
    }
    const { heap, program } = made
    const address = call(program, 'malloc', 5000)
    expect(address).toBeLessThan(0)
    expect(heap.usableSize(address >>> 0)).toBeGreaterThanOrEqual(5000)
    call(program, 'fill', address, 5000, 7)
    const moved = call(program, 'realloc', address, 300_000)
    expect(call(program, 'count', moved, 5000, 7)).toBe(5000)
    expect(call(program, 'malloc_usable_size', moved)).toBeGreaterThanOrEqual(300_000)
    expect((call(program, 'memalign', 65_536, 10) >>> 0) % 65_536).toBe(0)
    call(program, 'free', moved)
    heap.check()
  })
})
