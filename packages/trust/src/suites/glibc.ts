/** The programs `tst-*` of glibc's `malloc/`, by their names: what each is there to prove, in as few steps as that takes. */
import { Random } from '@vmalloc/conformance'
import type { Heap } from '@vmalloc/core'
import { answer, type SuiteCase } from './case.ts'

/** More than any heap has, up to the end of 64 bits. */
const TOO_LARGE: readonly number[] = [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52]
const EINVAL = 22

function full(heap: Heap, address: number, size: number, byte: number): boolean {
  return heap.memory.u8.subarray(address, address + size).every((found) => found === byte)
}

/** A block of `size` bytes, each of them `byte`. */
function filled(heap: Heap, size: number, byte: number): number {
  const address = heap.malloc(size)
  heap.memory.u8.fill(byte, address, address + size)
  return address
}

function twice(name: string, between: (heap: Heap) => void): SuiteCase {
  return {
    name,
    run: (heap) => {
      const address = heap.malloc(24)
      heap.free(address)
      between(heap)
      heap.free(address)
      return 'harm'
    },
  }
}

export const GLIBC: readonly SuiteCase[] = [
  answer('tst-malloc', (heap) => {
    const address = filled(heap, 10, 0x41)
    const kept = heap.realloc(address, 2 ** 52) === 0 && full(heap, address, 10, 0x41)
    return heap.malloc(2 ** 52) === 0 && heap.malloc(0) > 0 && kept
  }),
  answer('tst-malloc-too-large', (heap) =>
    TOO_LARGE.every((size) => {
      const address = filled(heap, 16, 0x42)
      return (
        heap.malloc(size) === 0 &&
        heap.calloc(size, 1) === 0 &&
        heap.calloc(1, size) === 0 &&
        heap.calloc(size, 8) === 0 &&
        heap.alignedAlloc(size, 64) === 0 &&
        heap.realloc(address, size) === 0 &&
        full(heap, address, 16, 0x42)
      )
    }),
  ),
  answer('tst-malloc-usable', (heap) => {
    const address = heap.malloc(7)
    const usable = heap.usableSize(address)
    heap.memory.u8.fill(0x43, address, address + usable)
    heap.free(address)
    return usable >= 7
  }),
  answer('tst-calloc', (heap) => {
    const random = new Random(1)
    for (let i = 0; i < 1000; i++) {
      const size = random.size(1, 60_000)
      heap.free(filled(heap, size, 0xff))
      const address = heap.calloc(1, size)
      if (!full(heap, address, size, 0)) return false
      heap.memory.u8.fill(0xff, address, address + size)
      heap.free(address)
    }
    return heap.calloc(2 ** 16, 2 ** 16) === 0
  }),
  answer('tst-realloc', (heap) => {
    const fresh = heap.realloc(0, 10)
    const calm = heap.realloc(fresh, 0) === 0
    let address = filled(heap, 16, 0x44)
    for (const size of [16, 20, 4096, 200_000, 1000, 16]) {
      address = heap.realloc(address, size)
      if (address === 0 || !full(heap, address, 16, 0x44)) return false
    }
    const kept = heap.realloc(address, 2 ** 52) === 0 && full(heap, address, 16, 0x44)
    heap.free(address)
    return fresh > 0 && calm && kept && heap.stats().blocks === 0
  }),
  answer('tst-reallocarray', (heap) => {
    const address = filled(heap, 16, 0x45)
    return heap.realloc(address, 2 ** 31 * 4) === 0 && full(heap, address, 16, 0x45)
  }),
  answer(
    'tst-memalign',
    (heap) =>
      heap.alignedAlloc(2 ** 52, 1024) === 0 &&
      [2, 4, 8, 16, 1024, 65_536].every((alignment) => {
        const address = heap.alignedAlloc(100, alignment)
        return address > 0 && address % alignment === 0
      }),
  ),
  answer('tst-memalign-2', (heap) => {
    const blocks = Array.from({ length: 200 }, (_, i) => heap.alignedAlloc(64 * (i % 17), 256))
    for (const address of blocks) heap.free(address)
    const again = blocks.map(() => heap.alignedAlloc(64, 256))
    return new Set(again).size === 200 && again.every((address) => address % 256 === 0)
  }),
  answer('tst-memalign-3', (heap) => {
    const blocks = [32, 512, 4096, 32, 8192].map((alignment, i) => {
      const address = heap.alignedAlloc(3000, alignment)
      heap.memory.u8.fill(i, address, address + 3000)
      return address
    })
    const kept = blocks.every((address, i) => full(heap, address, 3000, i))
    for (const address of blocks) heap.free(address)
    return kept && heap.stats().live === 0
  }),
  answer('tst-posix_memalign', (heap) => {
    const { posix_memalign } = heap.wasmImports()
    const result = heap.malloc(4)
    const refused = [0, 3, 24].every((bad) => posix_memalign(result, bad, 10) === EINVAL)
    return refused && posix_memalign(result, 64, 0) === 0
  }),
  {
    name: 'tst-aligned-alloc',
    run: (heap) => (heap.alignedAlloc(64, 24) === 0 ? 'harmless' : 'harm'),
  },
  twice('tst-tcfree1', () => {}),
  twice('tst-tcfree2', (heap) => {
    for (let i = 0; i < 20; i++) heap.free(heap.malloc(24))
  }),
  twice('tst-tcfree3', (heap) => {
    const others = Array.from({ length: 30 }, () => heap.malloc(100))
    for (const address of others) heap.free(address)
  }),
  {
    name: 'tst-safe-linking',
    run: (heap) => {
      const [first, second] = [heap.malloc(24), heap.malloc(24)]
      heap.free(first)
      heap.free(second)
      heap.memory.u32[second >>> 2] ^= 0x30
      for (let i = 0; i < 2000; i++) heap.free(heap.malloc(24))
      for (let i = 0; i < 100; i++) heap.malloc(24)
      return 'harm'
    },
  },
  {
    name: 'tst-malloc-backtrace',
    run: (heap) => {
      const address = heap.malloc(16)
      heap.memory.u8.fill(0xff, address - 8, address)
      heap.free(address)
      return 'harm'
    },
  },
]

export const GLIBC_OPEN: readonly string[] = [
  'tst-malloc-thread-exit, tst-malloc-thread-fail, tst-malloc-tcache-leak: threads; our own tests of Workers do that',
  'tst-malloc-fork-deadlock, tst-mallocfork*: there is no fork',
  'tst-mallocstate, tst-malloc_info, tst-mallinfo2, tst-mxfast, tst-mallopt, tst-obstack, tst-pvalloc, tst-valloc, tst-interpose-*: interfaces of glibc',
  'tst-free-errno, tst-malloc-alternate-path, tst-malloc-stats-cancellation: errno, the path of libraries, cancelled threads',
]
