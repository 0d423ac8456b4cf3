/** Each member of the family against malloc and free of the same size. */
import { Heap } from '@vmalloc/core'
import { test } from 'vitest'

const TIME_MS = 200
const SIZES = [32, 1000, 200_000]

test.for(SIZES)('%i bytes', async (size, { bench }) => {
  const heap = Heap.create({ maximum: 2 ** 26 })
  const kept = heap.malloc(size)
  const imports = heap.wasmImports()
  await bench.compare(
    bench('malloc + free', () => heap.free(heap.malloc(size))),
    bench('calloc + free', () => heap.free(heap.calloc(1, size))),
    bench('realloc(0) + free', () => heap.free(heap.realloc(0, size))),
    bench('realloc, same size', () => {
      heap.realloc(kept, size)
    }),
    bench('alignedAlloc 64 + free', () => heap.free(heap.alignedAlloc(size, 64))),
    bench('usableSize', () => {
      heap.usableSize(kept)
    }),
    bench('goodSize', () => {
      heap.goodSize(size)
    }),
    bench('dup + free', () => heap.free(heap.dup(kept))),
    bench('view', () => {
      heap.view(kept, Uint8Array)
    }),
    bench('block, free', () => heap.block(size).free()),
    bench('scope with one malloc', () => {
      heap.scope((scope) => scope.malloc(size))
    }),
    bench('wasm malloc + free, called from JavaScript', () => imports.free(imports.malloc(size))),
    { time: TIME_MS },
  )
})
