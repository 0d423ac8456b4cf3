/**
 * Every public function with everything that a caller may pass by mistake, in all presets: the right error or the right
 * result, and a heap as it was. The inputs are those of the table in the README.
 */
import * as core from '@vmalloc/core'
import { type Address, Heap, HeapCorruptionError, OutOfMemoryError } from '@vmalloc/core'
import { afterAll, describe, expect, test } from 'vitest'

const PRESETS = ['default', 'classic', 'debug', 'sampled'] as const

/** What is no number. */
const NOT_NUMBERS = ['16', '', 'abc', 16n, null, undefined, true, {}, [16], () => 16, Symbol('16')]
/** Numbers that are neither sizes nor addresses. */
const NOT_WHOLE = [-1, -16, -(2 ** 31), -(2 ** 53), 0.5, 1.5, Number.NaN, -Infinity]
/** Sizes that the heap cannot hold. */
const TOO_BIG = [2 ** 31, 2 ** 32 - 16, 2 ** 32 - 1, 2 ** 32, 2 ** 53, Infinity]
const NOT_OBJECTS = [5, 'x', 16n, true, null, Symbol('x')]
const NOT_FUNCTIONS = [0, 5, 'x', 16n, true, null, undefined, {}, [], Symbol('x')]

interface Inhabited {
  readonly heap: Heap
  readonly live: readonly Address[]
  /** Addresses at which no block begins: freed, interior, foreign. */
  readonly wrong: readonly Address[]
}

const other = Heap.create({ maximum: 2 ** 23 })
const foreign = [other.malloc(100) + 5 * 2 ** 20, other.malloc(300_000) + 2 ** 26]

function inhabited(preset: (typeof PRESETS)[number]): Inhabited {
  const heap = Heap.create({ preset, maximum: 2 ** 25 })
  const blocks = [40, 1000, 200_000, 100].map((size) => heap.malloc(size))
  const live = [...blocks, heap.alignedAlloc(100, 256)]
  const freed = [40, 1000, 200_000].map((size) => heap.malloc(size))
  for (const address of freed) heap.free(address)
  const interior = live.flatMap((address) => [
    address + 8,
    address + 16,
    address + 24,
    address - 16,
  ])
  return { heap, live, wrong: [...freed, ...interior, ...foreign, 1, 8, 4096] }
}

type Call = (given: Inhabited, value: never) => unknown

const { Block, Scope } = core
/** All calls, by what the parameter is that gets the input. Frees what it got. */
const CALLS: Record<
  'size' | 'address' | 'count' | 'alignment' | 'type' | 'callback' | 'options',
  Record<string, Call>
> = {
  size: {
    malloc: ({ heap }, size) => heap.free(heap.malloc(size)),
    'calloc, count': ({ heap }, count) => heap.free(heap.calloc(count, 8)),
    'calloc, size': ({ heap }, size) => heap.free(heap.calloc(8, size)),
    realloc: ({ heap, live }, size) => {
      const scratch = heap.malloc(64)
      try {
        return heap.realloc(scratch, size)
      } finally {
        if (heap.leaks().some(({ address }) => address === scratch)) heap.free(scratch)
        else
          for (const { address } of heap.leaks().filter((b) => !live.includes(b.address)))
            heap.free(address)
      }
    },
    'realloc of 0': ({ heap }, size) => heap.free(heap.realloc(0, size)),
    alignedAlloc: ({ heap }, size) => heap.free(heap.alignedAlloc(size, 64)),
    tryMalloc: ({ heap }, size) => heap.free(heap.tryMalloc(size)),
    goodSize: ({ heap }, size) => heap.goodSize(size),
    allocMany: ({ heap }, size) => {
      const addresses = new Uint32Array(3)
      heap.allocMany(size, addresses)
      heap.freeMany(addresses)
    },
    block: ({ heap }, size) => heap.block(size).free(),
    'scope.malloc': ({ heap }, size) => heap.scope((scope) => scope.malloc(size)),
    'scope.calloc': ({ heap }, size) => heap.scope((scope) => scope.calloc(3, size)),
    'scope.alignedAlloc': ({ heap }, size) => heap.scope((scope) => scope.alignedAlloc(size, 64)),
    'scope.realloc': ({ heap }, size) =>
      heap.scope((scope) => scope.realloc(scope.malloc(10), size)),
    'scope.block': ({ heap }, size) => heap.scope((scope) => scope.block(size)),
    'wasm malloc': ({ heap }, size) => heap.free(heap.wasmImports().malloc(size)),
    'wasm calloc': ({ heap }, size) => heap.free(heap.wasmImports().calloc(size, 8)),
    'wasm realloc': ({ heap }, size) => heap.free(heap.wasmImports().realloc(0, size)),
    'wasm aligned_alloc': ({ heap }, size) => heap.free(heap.wasmImports().aligned_alloc(64, size)),
    eallocMany: (_, size) => {
      const addresses = new Uint32Array(3)
      core.eallocMany(size, addresses)
      core.efreeMany(addresses)
    },
    emalloc: (_, size) => core.efree(core.emalloc(size)),
    ecalloc: (_, size) => core.efree(core.ecalloc(size, 8)),
    erealloc: (_, size) => core.efree(core.erealloc(0, size)),
    ealignedAlloc: (_, size) => core.efree(core.ealignedAlloc(size, 64)),
    egoodSize: (_, size) => core.egoodSize(size),
  },
  address: {
    free: ({ heap }, address) => heap.free(address),
    freeMany: ({ heap }, address) => heap.freeMany([0, address]),
    realloc: ({ heap }, address) => heap.free(heap.realloc(address, 200)),
    'realloc to 0': ({ heap }, address) => heap.free(heap.realloc(address, 0)),
    usableSize: ({ heap }, address) => heap.usableSize(address),
    dup: ({ heap }, address) => heap.dup(address),
    view: ({ heap }, address) => heap.view(address, Uint8Array, 4),
    readString: ({ heap }, address) => heap.readString(address),
    'scope.free': ({ heap }, address) => heap.scope((scope) => scope.free(address)),
    'scope.keep': ({ heap }, address) => heap.scope((scope) => scope.keep(address)),
    'scope.realloc': ({ heap }, address) => heap.scope((scope) => scope.realloc(address, 9)),
    'scope.dup': ({ heap }, address) => heap.scope((scope) => scope.dup(address)),
    'wasm free': ({ heap }, address) => heap.wasmImports().free(address),
    'wasm realloc': ({ heap }, address) => heap.free(heap.wasmImports().realloc(address, 100)),
    'wasm malloc_usable_size': ({ heap }, address) =>
      heap.wasmImports().malloc_usable_size(address),
    efreeMany: (_, address) => core.efreeMany([address]),
    efree: (_, address) => core.efree(address),
    erealloc: (_, address) => core.efree(core.erealloc(address, 100)),
    eusableSize: (_, address) => core.eusableSize(address),
    edup: (_, address) => core.edup(address),
  },
  count: {
    'view, length': ({ heap, live }, length) => heap.view(live[1] as number, Uint32Array, length),
    'view, byteOffset': ({ heap, live }, at) => heap.view(live[1] as number, Uint8Array, 1, at),
    'readString, length': ({ heap, live }, length) => heap.readString(live[1] as number, length),
    'allocArray, length': ({ heap }, length) => heap.allocArray(Uint8Array, length).free(),
    'scope.allocArray': ({ heap }, length) => heap.scope((s) => s.allocArray(Float64Array, length)),
    'Block.view, length': ({ heap }, length) =>
      heap.scope((s) => s.block(64).view(Uint8Array, length)),
    'Block.view, byteOffset': ({ heap }, at) =>
      heap.scope((s) => s.block(64).view(Uint8Array, undefined, at)),
    'Block.resize': ({ heap }, size) => heap.scope((s) => s.block(64).resize(size)),
  },
  alignment: {
    alignedAlloc: ({ heap }, to) => heap.free(heap.alignedAlloc(100, to)),
    'scope.alignedAlloc': ({ heap }, to) => heap.scope((scope) => scope.alignedAlloc(100, to)),
    ealignedAlloc: (_, to) => core.efree(core.ealignedAlloc(100, to)),
  },
  type: {
    view: ({ heap, live }, type) => heap.view(live[0] as number, type, 4),
    allocArray: ({ heap }, type) => heap.allocArray(type, 4).free(),
    'Block.view': ({ heap }, type) => heap.scope((scope) => scope.block(8).view(type)),
    allocString: ({ heap }, text) => heap.free(heap.allocString(text)),
  },
  callback: {
    walk: ({ heap }, visit) => heap.walk(visit),
    scope: ({ heap }, body) => heap.scope(body),
    wasmImports: (_, heapOf) => core.wasmImports(heapOf),
    setDefaultHeap: (_, heap) => core.setDefaultHeap(heap),
  },
  options: {
    'Heap.create': (_, options) => Heap.create(options),
    'Heap.attach, options': ({ heap }, options) => Heap.attach(heap.handle, options),
    'Heap.restore, options': ({ heap }, options) => Heap.restore(heap.snapshot(), options),
    'Heap.restore': (_, bytes) => Heap.restore(bytes),
    'heap.wasmImports': ({ heap }, options) => heap.wasmImports(options),
    leaks: ({ heap }, before) => heap.leaks(before),
    mallocAsync: ({ heap }, options) => heap.mallocAsync(10, options),
    freeAsync: ({ heap, live }, options) => heap.freeAsync(live[0] as number, options),
    reportDeadAsync: ({ heap }, options) => heap.reportDeadAsync(5, options),
    reportDead: ({ heap }, options) => heap.reportDead(5, options),
    'Recorder.trace': ({ heap }, name) => {
      using recorder = heap.record()
      return recorder.trace(name === 'x' ? (5 as never) : name)
    },
  },
}

/** What was thrown, also by a promise; `undefined` for nothing. */
async function outcome(act: () => unknown): Promise<unknown> {
  try {
    await act()
    return undefined
  } catch (error) {
    return error
  }
}

const nameOf = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.prototype.toString.call(value)
    : String(value)

/** Messages of ours say what was given and what is allowed; those of the engine do not. */
const OURS =
  /: .*(it must|unknown option|fit|must not be negative|a string in memory)|not a block of this scope/

describe.each(PRESETS)('%s', (preset) => {
  const given = inhabited(preset)
  const { heap, live, wrong } = given
  const replaced = core.setDefaultHeap(heap)
  const { blocks, live: bytes } = heap.stats()
  afterAll(() => {
    if (replaced !== undefined) core.setDefaultHeap(replaced)
  })

  async function expectThrow(
    call: Call,
    values: readonly unknown[],
    right: (error: unknown) => boolean,
  ): Promise<void> {
    core.setDefaultHeap(heap)
    for (const value of values) {
      const error = await outcome(() => call(given, value as never))
      expect(right(error), `${nameOf(value)}: ${String(error)}`).toBe(true)
      expect(heap.stats(), nameOf(value)).toMatchObject({ blocks, live: bytes })
    }
    heap.check()
  }
  const isA =
    (...types: readonly (new (...args: never[]) => Error)[]) =>
    (error: unknown): boolean =>
      types.some((type) => error instanceof type) && OURS.test((error as Error).message)
  const isCorruption = (error: unknown): boolean => error instanceof HeapCorruptionError

  test.each(Object.entries(CALLS.size))('size of %s', async (name, call) => {
    await expectThrow(call, NOT_NUMBERS, isA(TypeError))
    // A negative word of WebAssembly is a size from 2^31 on.
    const isWord = (error: unknown): boolean => name.startsWith('wasm') && error === undefined
    await expectThrow(call, NOT_WHOLE, (error) => isWord(error) || isA(RangeError)(error))
    const throws = name === 'block' || name === 'scope.block'
    await expectThrow(call, TOO_BIG, (error) =>
      throws ? error instanceof OutOfMemoryError : error === undefined,
    )
    await expectThrow(call, [0, -0], (error) => error === undefined)
  })

  test.each(Object.entries(CALLS.address))('address of %s', async (name, call) => {
    await expectThrow(call, NOT_NUMBERS, isA(TypeError))
    const ofScope = name.startsWith('scope.') && name !== 'scope.dup'
    // WebAssembly passes words from 2^31 on as negative numbers: no mistake there, but no block either.
    const none = [...NOT_WHOLE, ...TOO_BIG, ...wrong]
    await expectThrow(call, none, (error) =>
      ofScope ? isCorruption(error) || isA(RangeError)(error) : isCorruption(error),
    )
    const refusesNull = ['view', 'readString', 'scope.keep'].includes(name)
    await expectThrow(call, [0, -0], (error) => (error !== undefined) === refusesNull)
  })

  test.each(Object.entries(CALLS.count))('%s', async (name, call) => {
    const optional = !/alloc|resize/.test(name)
    const notNumbers = optional ? NOT_NUMBERS.filter((value) => value !== undefined) : NOT_NUMBERS
    await expectThrow(call, notNumbers, isA(TypeError))
    await expectThrow(call, NOT_WHOLE, isA(RangeError))
    await expectThrow(
      call,
      TOO_BIG,
      (error) => error instanceof OutOfMemoryError || error instanceof RangeError,
    )
  })

  test.each(Object.entries(CALLS.alignment))('alignment of %s', async (_, call) => {
    await expectThrow(call, NOT_NUMBERS, isA(TypeError))
    await expectThrow(call, [...NOT_WHOLE, ...TOO_BIG, 0, 3, 24], isA(RangeError))
  })

  test.each(Object.entries(CALLS.type))('type of %s', async (name, call) => {
    const text = name === 'allocString'
    const values = [0, 5, 16n, true, null, undefined, {}, [], Symbol('x'), () => 1, class {}]
    await expectThrow(call, values, isA(TypeError))
    await expectThrow(call, text ? ['a\0b'] : ['x', Buffer], isA(text ? RangeError : TypeError))
  })

  test.each(Object.entries(CALLS.callback))('%s', async (_, call) => {
    await expectThrow(call, NOT_FUNCTIONS, isA(TypeError))
  })

  test.each(Object.entries(CALLS.options))('options of %s', async (_, call) => {
    await expectThrow(call, NOT_OBJECTS, isA(TypeError))
  })

  test('waiting with options that are none', async () => {
    for (const wait of [
      (options: never) => heap.mallocAsync(10, options),
      (options: never) => heap.freeAsync(live[0] as number, options),
      (options: never) => heap.reportDeadAsync(5, options),
      async (options: never) => heap.reportDead(5, options),
    ]) {
      await expectThrow(
        (_, options) => wait(options),
        [{ sginal: 1 }, { signal: 5 }, { signal: null }],
        isA(RangeError),
      )
    }
    await expectThrow((_, size) => heap.mallocAsync(size), [...NOT_NUMBERS], isA(TypeError))
    await expectThrow((_, at) => heap.freeAsync(at), [...NOT_NUMBERS], isA(TypeError))
    await expectThrow((_, at) => heap.freeAsync(at), [...NOT_WHOLE, ...wrong], isCorruption)
    await expectThrow(
      (_, id) => heap.reportDead(id),
      [...NOT_NUMBERS, ...NOT_WHOLE],
      (error) => error instanceof RangeError,
    )
  })

  test('places and alignments of the WebAssembly imports', async () => {
    const { aligned_alloc, memalign, posix_memalign } = heap.wasmImports()
    for (const bad of [...NOT_NUMBERS, ...NOT_WHOLE, ...TOO_BIG.slice(1), 0, 3, 24]) {
      expect(aligned_alloc(bad as number, 16)).toBe(0)
      expect(memalign(bad as number, 16)).toBe(0)
      expect(posix_memalign(live[0] as number, bad as number, 16)).toBe(22)
    }
    await expectThrow(
      (_, place) => posix_memalign(place, 64, 16),
      [...NOT_NUMBERS, ...NOT_WHOLE, ...TOO_BIG.slice(1), 0, heap.memory.byteLength - 3],
      (error) => error instanceof RangeError && error.message.includes('posix_memalign'),
    )
  })

  test('wrong blocks of leaks, wrong memories to attach to, wrong patience', async () => {
    await expectThrow((_, before) => heap.leaks(before), [[5], [null], [{}], {}], isA(TypeError))
    for (const none of [
      ...NOT_OBJECTS,
      undefined,
      {},
      { memory: 5, base: 0 },
      { memory: null, base: 0 },
    ]) {
      expect(() => Heap.attach(none as never)).toThrow(
        expect.objectContaining({ code: 'BAD_MEMORY' }),
      )
    }
    await expectThrow(
      (_, value) => {
        heap.patienceMs = value
      },
      [...NOT_NUMBERS, -1, Number.NaN],
      isA(RangeError),
    )
  })
})

test.each([
  [{ shared: 'yes' }, 'shared'],
  [{ shared: true, memory: new ArrayBuffer(2 ** 16) }, 'shared'],
  [{ shared: false, memory: new SharedArrayBuffer(2 ** 16) }, 'shared'],
  [{ initial: 2 ** 16, memory: new ArrayBuffer(2 ** 16) }, 'initial'],
  [{ secret: 'x' }, 'secret'],
  [{ secret: 2 ** 32 }, 'secret'],
  [{ threadCache: 5 }, 'threadCache'],
  [{ threadCache: null }, 'threadCache'],
  [{ composition: 5 }, 'composition'],
  [{ composition: null }, 'composition'],
  [{ composition: {} }, 'composition'],
  [{ composition: core.defaultComposition, preset: 'default' }, 'preset'],
  [{ composition: core.defaultComposition, granule: 64 }, 'granule'],
  [{ composition: core.defaultComposition, traces: false }, 'traces'],
] as const)('Heap.create %o: RangeError that names %s', (options, name) => {
  const error = outcomeOf(() => Heap.create(options as never))
  expect(error).toBeInstanceOf(RangeError)
  expect(String(error)).toMatch(new RegExp(`^RangeError: ${name} is .*: `))
})

function outcomeOf(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

test('with pressure and recording too, arguments are looked at first', () => {
  const heap = Heap.create({ onPressure: () => true })
  using recorder = heap.record()
  for (const call of [
    () => heap.calloc(5n as never, 5),
    () => heap.calloc(5, 5n as never),
    () => heap.malloc(Symbol('x') as never),
    () => heap.realloc('x' as never, 5),
  ]) {
    const error = outcomeOf(call)
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toMatch(OURS)
  }
  expect(recorder.operations).toBe(0)
})

test('the table knows every export and every method', () => {
  const tried = Object.values(CALLS)
    .flatMap((calls) => Object.keys(calls))
    .join(' ')
  const withoutArguments = [
    'constructor',
    'stats',
    'check',
    'map',
    'record',
    'snapshot',
    'detach',
    'freeAll',
    'trim',
    'handle',
    'memory',
    'threadId',
    'debug',
  ]
  const elsewhere = ['patienceMs', 'adopt']
  const methods = (type: { readonly prototype: object }): string[] =>
    Object.getOwnPropertyNames(type.prototype)
  const front = Object.getPrototypeOf(Heap) as typeof Heap
  for (const name of [...methods(Heap), ...methods(front)]) {
    if (!withoutArguments.includes(name) && !elsewhere.includes(name)) expect(tried).toContain(name)
  }
  const ofHandles = [
    'address',
    'size',
    'disposed',
    'release',
    'free',
    'whenDone',
    'close',
    'constructor',
  ]
  for (const name of [...methods(Block), ...methods(Scope)]) {
    if (!ofHandles.includes(name)) expect(tried).toContain(name)
  }
  for (const name of Object.keys(core).filter((key) => /^e[a-z]/.test(key) && key !== 'efreeAll')) {
    expect(tried).toContain(name)
  }
})
