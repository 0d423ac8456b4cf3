/**
 * The programs of `bench/security` in mimalloc-bench, by their names: `small` is 8 bytes, `big` and `large` 256 KiB, no
 * suffix 1000 bytes. Writes flip bits, so that each byte changes.
 */
import type { Heap } from '@vmalloc/core'
import type { SuiteCase } from './case.ts'

const SIZES = { '': 1000, _small: 8, _big: 262_144 } as const
const FREE_SIZES = { '': 1000, _small: 8, _large: 262_144 } as const
const WIDTHS = { one_byte: 1, '32_byte': 32, one_mbyte: 2 ** 20 } as const

function flip(heap: Heap, from: number, to: number): void {
  const { u8 } = heap.memory
  for (let i = Math.max(from, 0); i < Math.min(to, u8.length); i++) u8[i] ^= 0xff
}

/** Bytes past what was asked for, or before it; then the block is freed. */
function outOfBounds(heap: Heap, size: number, from: number, to: number): 'harm' {
  const address = heap.malloc(size)
  flip(heap, address + from, address + to)
  heap.free(address)
  return 'harm'
}

const bounds: SuiteCase[] = Object.entries(WIDTHS).flatMap(([width, bytes]) =>
  Object.entries(SIZES).flatMap(([suffix, size]) => [
    {
      name: `${width}_overflow${suffix}`,
      run: (heap: Heap) => outOfBounds(heap, size, size, size + bytes),
    },
    {
      name: `${width}_underflow${suffix}`,
      run: (heap: Heap) => outOfBounds(heap, size, -bytes, 0),
    },
  ]),
)

/** By `copyWithin`, from another block. */
const copies: SuiteCase[] = Object.entries(WIDTHS).flatMap(([width, bytes]) =>
  (['overflow', 'underflow'] as const).map((direction) => ({
    name: `${width}_memcpy_${direction}`,
    run: (heap: Heap) => {
      const source = heap.malloc(bytes + 1000)
      heap.memory.u8.fill(0xa7, source, source + bytes + 1000)
      const target = heap.malloc(1000)
      const { u8 } = heap.memory
      if (direction === 'overflow') u8.copyWithin(target, source, source + 1000 + bytes)
      else if (target >= bytes) u8.copyWithin(target - bytes, source, source + bytes)
      else u8.copyWithin(0, source, source + target)
      heap.free(target)
      return 'harm' as const
    },
  })),
)

const doubleFrees: SuiteCase[] = Object.entries(FREE_SIZES).flatMap(([suffix, size]) => {
  const twice = (between: (heap: Heap) => void) => (heap: Heap) => {
    const address = heap.malloc(size)
    heap.free(address)
    between(heap)
    heap.free(address)
    return 'harm' as const
  }
  return [
    { name: `double_free${suffix}`, run: twice(() => {}) },
    {
      name: `double_free${suffix}_interleaved`,
      run: (heap: Heap) => {
        const [a, b] = [heap.malloc(size), heap.malloc(size)]
        heap.free(a)
        heap.free(b)
        heap.free(a)
        return 'harm' as const
      },
    },
    {
      name: `double_free${suffix}_delayed`,
      run: (heap: Heap) => {
        const address = heap.malloc(size)
        const others = Array.from({ length: 100 }, () => heap.malloc(size))
        heap.free(address)
        for (const other of others) heap.free(other)
        heap.free(address)
        return 'harm' as const
      },
    },
    {
      name: `double_free${suffix}_reuse`,
      run: twice((heap) => {
        for (let i = 0; i < 100; i++) heap.malloc(size)
      }),
    },
    ...(suffix === ''
      ? [{ name: 'double_free_single_reuse', run: twice((heap) => heap.malloc(size)) }]
      : []),
  ]
})

const invalidFrees: SuiteCase[] = [
  ['invalid_free_stack', () => 0x7ffd_0010],
  ['invalid_free', () => 0x1337_1330],
  ['invalid_free_close', (address: number) => address + 4096],
  ['invalid_free_far', (address: number) => address + 2 ** 30],
  ['invalid_free_unaligned', (address: number) => address + 1],
  ['invalid_free_unaligned_multiple', (address: number) => address + 8],
  ['unaligned_free_small', (address: number) => address + 4],
  ['unaligned_free_large', (address: number) => address + 2],
].map(([name, pointer]) => ({
  name: name as string,
  run: (heap: Heap) => {
    const address = heap.malloc(name === 'unaligned_free_large' ? 262_144 : 1000)
    heap.free((pointer as (address: number) => number)(address))
    return 'harm' as const
  },
}))

const writesAfterFree: SuiteCase[] = Object.entries(FREE_SIZES).flatMap(([suffix, size]) =>
  ['', '_reuse'].map((reuse) => ({
    name: `write_after_free${suffix}${reuse}`,
    run: (heap: Heap) => {
      const address = heap.malloc(size)
      heap.free(address)
      flip(heap, address, address + size)
      if (reuse !== '') for (let i = 0; i < 2000; i++) heap.free(heap.malloc(size))
      return 'harm' as const
    },
  })),
)

/** Harmless when nothing of the former owner can be read. */
const leftovers: SuiteCase[] = Object.entries(FREE_SIZES).flatMap(([suffix, size]) => [
  {
    name: `zero_after_free${suffix}`,
    run: (heap: Heap) => {
      const address = heap.malloc(size)
      heap.memory.u8.fill(0x41, address, address + size)
      heap.free(address)
      return heap.memory.u8.subarray(address, address + size).includes(0x41) ? 'harm' : 'harmless'
    },
  },
  {
    name: `zero_on_malloc${suffix}`,
    run: (heap: Heap) => {
      const address = heap.malloc(size)
      heap.memory.u8.fill(0x41, address, address + size)
      heap.free(address)
      for (let i = 0; i < 100; i++) {
        const again = heap.malloc(size)
        if (heap.memory.u8.subarray(again, again + size).includes(0x41)) return 'harm'
      }
      return 'harmless'
    },
  },
])

const others: SuiteCase[] = [
  {
    name: 'impossibly_large_malloc',
    run: (heap) => (heap.malloc(2 ** 52) === 0 ? 'harmless' : 'harm'),
  },
  {
    name: 'read_zero_size',
    run: (heap) => {
      const address = heap.malloc(0)
      return heap.memory.u8[address] === undefined ? 'harmless' : 'harm'
    },
  },
  {
    name: 'write_zero_size',
    run: (heap) => {
      const address = heap.malloc(0)
      flip(heap, address, address + 1)
      return 'harm'
    },
  },
  {
    name: 'write_zero_size_free',
    run: (heap) => {
      const address = heap.malloc(0)
      flip(heap, address, address + 1)
      heap.free(address)
      return 'harm'
    },
  },
  {
    name: 'malloc_reuse',
    run: (heap) => {
      const address = heap.malloc(1000)
      heap.free(address)
      return Array.from({ length: 100 }, () => heap.malloc(1000)).includes(address)
        ? 'harm'
        : 'harmless'
    },
  },
  {
    name: 'malloc_reuse_downsize',
    run: (heap) => {
      const address = heap.malloc(1000)
      heap.free(address)
      return Array.from({ length: 100 }, () => heap.malloc(900)).includes(address)
        ? 'harm'
        : 'harmless'
    },
  },
  {
    name: 'realloc_reuse',
    run: (heap) => {
      const address = heap.malloc(1000)
      heap.realloc(address, 5000)
      return Array.from({ length: 100 }, () => heap.malloc(1000)).includes(address)
        ? 'harm'
        : 'harmless'
    },
  },
]

export const MIMALLOC_BENCH: readonly SuiteCase[] = [
  ...bounds,
  ...copies,
  ...doubleFrees,
  ...invalidFrees,
  ...writesAfterFree,
  ...leftovers,
  ...others,
]

/** Cases that have no meaning here. */
export const MIMALLOC_BENCH_OPEN: readonly string[] = [
  'executable_heap: WebAssembly memory holds no code',
  'invalid_free_alloca: there is no stack in the memory',
  'delete_type_size_mismatch, invalid_array_delete_*, invalid_delete_array_*: there is no operator delete',
  'read_zero_size_free: a read leaves no mark; the other zero-size cases meet a block of one usable byte',
]
