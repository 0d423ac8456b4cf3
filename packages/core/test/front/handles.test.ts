/** Block handles, scopes, and the report of lost handles. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Heap, HeapCorruptionError, type Leak, OutOfMemoryError, type Scope } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'

describe('Block', () => {
  test('frees itself at the end of its scope, once', () => {
    const heap = Heap.create()
    let kept: { free(): void; disposed: boolean } | undefined
    {
      using block = heap.block(1024)
      kept = block
      expect(block.size).toBe(1024)
      expect(block.address % 16).toBe(0)
      expect(heap.usableSize(block.address)).toBeGreaterThanOrEqual(1024)
      expect(block.disposed).toBe(false)
    }
    expect(kept?.disposed).toBe(true)
    expect(heap.stats().blocks).toBe(0)
    // The address may be somebody else's by now: a second free must not touch it.
    const other = heap.malloc(1024)
    kept?.free()
    expect(heap.usableSize(other)).toBeGreaterThanOrEqual(1024)
    heap.check()
  })

  test('has a Symbol.dispose that does nothing the second time', () => {
    const heap = Heap.create()
    const block = heap.block(10)
    block[Symbol.dispose]()
    block[Symbol.dispose]()
    expect(heap.stats().blocks).toBe(0)
  })

  test('moves with resize, keeps its content, stays as it was when there is no room', () => {
    const heap = Heap.create({ maximum: 2 ** 20 })
    const block = heap.block(32)
    block.view(Uint8Array).fill(9)
    heap.malloc(16)
    block.resize(5000)
    expect(block.size).toBe(5000)
    expect(block.view(Uint8Array).slice(0, 32)).toEqual(new Uint8Array(32).fill(9))
    const { address } = block
    expect(() => block.resize(2 ** 21)).toThrow(OutOfMemoryError)
    expect([block.address, block.size]).toEqual([address, 5000])
    expect(() => block.resize(0)).toThrow(RangeError)
    expect(() => block.resize(-1)).toThrow(RangeError)
    block.free()
    heap.check()
  })

  test('a released block is not freed by its handle', () => {
    const heap = Heap.create()
    const block = heap.block(100)
    const address = block.release()
    block.free()
    expect(heap.stats().blocks).toBe(1)
    expect(() => block.view(Uint8Array)).toThrow(HeapCorruptionError)
    expect(() => block.release()).toThrow(HeapCorruptionError)
    expect(() => block.resize(1)).toThrow(HeapCorruptionError)
    heap.free(address)
  })

  test('a damaged block is reported and stays undisposed', () => {
    const heap = Heap.create()
    const block = heap.block(16)
    const end = block.address + heap.usableSize(block.address)
    const saved = heap.memory.u8[end]
    heap.memory.u8[end] = saved ^ 1
    expect(() => block.free()).toThrow(HeapCorruptionError)
    expect(block.disposed).toBe(false)
    heap.memory.u8[end] = saved
    block.free()
    heap.check()
  })
})

describe('scope', () => {
  test('frees everything allocated through it, in any way', () => {
    const heap = Heap.create()
    const outside = heap.malloc(10)
    const result = heap.scope((scope) => {
      scope.malloc(100)
      scope.calloc(10, 10)
      scope.alignedAlloc(100, 4096)
      scope.realloc(scope.malloc(10), 100_000)
      scope.realloc(0, 50)
      scope.allocString('text')
      scope.block(64)
      scope.allocArray(Float32Array, 8).array[7] = 1
      scope.free(scope.malloc(1))
      expect(scope.realloc(scope.malloc(1), 0)).toBe(0)
      expect(heap.stats().blocks).toBe(9)
      return 'done'
    })
    expect(result).toBe('done')
    expect(heap.leaks().map(({ address }) => address)).toEqual([outside])
    heap.check()
  })

  test('also when the body throws, and the error is the body’s', () => {
    const heap = Heap.create()
    const error = new Error('from the body')
    expect(() =>
      heap.scope((scope) => {
        scope.malloc(100)
        scope.block(100)
        throw error
      }),
    ).toThrow(error)
    expect(heap.stats().blocks).toBe(0)
  })

  test('waits for a promise, whether it is kept or broken', async () => {
    const heap = Heap.create()
    const value = await heap.scope(async (scope) => {
      const address = scope.malloc(100)
      await Promise.resolve()
      expect(heap.usableSize(address)).toBeGreaterThan(99)
      return 5
    })
    expect(value).toBe(5)
    await expect(
      heap.scope(async (scope) => {
        scope.malloc(100)
        await Promise.reject(new Error('late'))
      }),
    ).rejects.toThrow('late')
    expect(heap.stats().blocks).toBe(0)
  })

  test('handles leave it when they are freed, released or kept, and answer to their address', () => {
    const heap = Heap.create()
    let kept = 0
    const handles = heap.scope((scope) => {
      const [freed, kill, keep, plain] = [
        scope.block(9),
        scope.block(9),
        scope.block(9),
        scope.malloc(9),
      ]
      freed.free()
      scope.free(kill.address)
      kept = scope.keep(keep.address)
      expect(() => scope.realloc(scope.block(9).address, 100)).toThrow(/has a handle/)
      expect(heap.readString(scope.dup(plain), 0)).toBe('')
      return [freed, kill, keep]
    })
    expect(handles.every(({ disposed }) => disposed)).toBe(true)
    expect(heap.leaks().map(({ address }) => address)).toEqual([kept])
    heap.check()
  })

  test('what the body allocates from the heap itself stays', () => {
    const heap = Heap.create()
    const stays = heap.scope(() => heap.malloc(10))
    expect(heap.leaks().map(({ address }) => address)).toEqual([stays])
  })

  test('kept blocks outlive it; nested scopes end first', () => {
    const heap = Heap.create()
    const kept = heap.scope((outer) => {
      const address = outer.malloc(10)
      heap.scope((inner) => inner.malloc(10))
      expect(heap.stats().blocks).toBe(1)
      return outer.keep(address)
    })
    expect(heap.usableSize(kept)).toBeGreaterThanOrEqual(10)
    expect(heap.stats().blocks).toBe(1)
  })

  test('a damaged block does not keep the others from being freed', () => {
    const heap = Heap.create()
    let damaged = 0
    let word = 0
    const damage = (scope: Scope): void => {
      scope.malloc(100)
      damaged = scope.malloc(100)
      scope.malloc(100)
      const footer = (damaged + heap.usableSize(damaged)) >>> 2
      word = heap.memory.u32[footer] as number
      heap.memory.u32[footer] = ~word
    }
    const repair = (): void => {
      heap.memory.u32[(damaged + 112) >>> 2] = word
      heap.free(damaged)
    }
    expect(() => heap.scope(damage)).toThrow(HeapCorruptionError)
    expect(heap.stats().blocks).toBe(1)
    repair()
    const both = (): void =>
      heap.scope((scope) => {
        damage(scope)
        throw new Error('body')
      })
    try {
      both()
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(AggregateError)
      expect((error as AggregateError).errors.map((one: Error) => one.name)).toEqual([
        'Error',
        'HeapCorruptionError',
      ])
    }
    repair()
    heap.check()
    expect(heap.stats().blocks).toBe(0)
  })

  test('refuses foreign addresses, a body that is none, and use after its end', () => {
    const heap = Heap.create()
    const outside = heap.malloc(10)
    let ended: Scope | undefined
    heap.scope((scope) => {
      ended = scope
      for (const address of [-1, Number.NaN])
        expect(() => scope.free(address)).toThrow(HeapCorruptionError)
      for (const address of [outside, 1]) {
        expect(() => scope.free(address)).toThrow(RangeError)
        expect(() => scope.keep(address)).toThrow(RangeError)
        expect(() => scope.realloc(address, 10)).toThrow(RangeError)
      }
      scope.free(0)
      expect(() => scope.malloc(-1)).toThrow(RangeError)
      expect(() => scope.block(2 ** 31)).toThrow(OutOfMemoryError)
    })
    expect(() => ended?.malloc(1)).toThrow('the scope has ended')
    for (const body of [undefined, null, 5, {}]) {
      expect(() => heap.scope(body as never)).toThrow(TypeError)
    }
    expect(heap.stats().blocks).toBe(1)
  })
})

test('a lost handle is reported and nothing is freed; one that was freed is not', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const leaks: Leak[] = []
  const heap = Heap.create({ onLeak: (leak) => leaks.push(leak) })
  const lose = (): number => {
    heap.block(200).free()
    heap.allocArray(Uint8Array, 300).release()
    const block = heap.block(50)
    block.resize(400)
    return block.address
  }
  const address = lose()
  for (let i = 0; i < 50 && leaks.length === 0; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  expect(leaks).toEqual([{ address, size: 400 }])
  expect(heap.stats().blocks).toBe(2)
})
