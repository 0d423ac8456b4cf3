/** The checks of mimalloc's `test-api` and `test-api-fill`, by their names. */
import { answer, type SuiteCase } from './case.ts'

const EINVAL = 22
const ENOMEM = 12
const HUGE = 2 ** 32 - 1

function memalign(name: string, alignment: number, size: number, expected: number): SuiteCase {
  return answer(name, (heap) => {
    const result = heap.malloc(4)
    return heap.wasmImports().posix_memalign(result, alignment, size) === expected
  })
}

function aligned(name: string, size: number, alignment: number): SuiteCase {
  return answer(name, (heap) => {
    const address = heap.alignedAlloc(size, alignment)
    const fits = address > 0 && address % alignment === 0 && heap.usableSize(address) >= size
    heap.free(address)
    return fits
  })
}

function zeroed(name: string, size: number): SuiteCase {
  return answer(name, (heap) => {
    const dirty = heap.malloc(size)
    heap.memory.u8.fill(0xff, dirty, dirty + size)
    heap.free(dirty)
    const address = heap.calloc(1, size)
    return heap.memory.u8.subarray(address, address + size).every((byte) => byte === 0)
  })
}

export const MIMALLOC_API: readonly SuiteCase[] = [
  answer('malloc-zero', (heap) => heap.malloc(0) > 0),
  answer('malloc-nomem1', (heap) => heap.malloc(2 ** 52) === 0),
  answer('malloc-null', (heap) => {
    heap.free(0)
    return true
  }),
  answer('calloc-overflow', (heap) => heap.calloc(2 ** 31, 1024) === 0),
  answer('calloc0', (heap) => heap.usableSize(heap.calloc(0, 1000)) <= 16),
  answer('malloc-large', (heap) => {
    const address = heap.malloc(30 * 2 ** 20)
    heap.free(address)
    return address > 0
  }),
  memalign('posix_memalign1', 16, 32, 0),
  memalign('posix_memalign_no_align', 3, 32, EINVAL),
  memalign('posix_memalign_zero', 16, 0, 0),
  memalign('posix_memalign_nopow2', 24, 32, EINVAL),
  memalign('posix_memalign_nomem', 16, HUGE, ENOMEM),
  aligned('malloc-aligned1', 32, 32),
  aligned('malloc-aligned2', 48, 32),
  aligned('malloc-aligned4', 2 ** 20 / 2, 4096),
  aligned('malloc-aligned5', 4096, 4096),
  answer('malloc-aligned6', (heap) => {
    for (let alignment = 1; alignment <= 2 ** 16; alignment *= 2) {
      const blocks = [1, alignment, alignment + 7].map((size) => heap.alignedAlloc(size, alignment))
      if (blocks.some((address) => address === 0 || address % alignment !== 0)) return false
      for (const address of blocks) heap.free(address)
    }
    return heap.stats().live === 0
  }),
  aligned('malloc-aligned7', 1024, 2 ** 17),
  aligned('malloc-aligned8', 1024, 2 ** 20),
  answer('realloc-null', (heap) => heap.realloc(0, 4) > 0),
  answer('realloc-null-sizezero', (heap) => heap.realloc(0, 0) > 0),
  answer('realloc-sizezero', (heap) => {
    heap.realloc(heap.malloc(4), 0)
    return heap.stats().blocks === 0
  }),
  answer('heap_destroy', (heap) => {
    for (let i = 0; i < 100; i++) heap.malloc(100)
    return heap.freeAll() === 100 && heap.stats().blocks === 0
  }),
  zeroed('zeroinit-calloc-small', 6),
  zeroed('zeroinit-calloc-large', 50_000),
  answer('fill-freed-small', (heap) => {
    const address = heap.malloc(1000)
    heap.memory.u8.fill(0x41, address, address + 1000)
    heap.free(address)
    return !heap.memory.u8.subarray(address, address + 1000).includes(0x41)
  }),
]

export const MIMALLOC_API_OPEN: readonly string[] = [
  'heap_delete: a heap has a memory of its own, its blocks cannot move to another',
  'malloc-aligned-at*, zalloc-*, rezalloc-*, recalloc-*, umalloc, stl_allocator*, arena-*, realpath: interfaces of mimalloc, of C++ and of C',
]
