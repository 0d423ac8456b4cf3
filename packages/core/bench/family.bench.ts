/** Nanoseconds of each member of the family, and as a multiple of malloc and free of the same size. */
import { Heap } from '@vmalloc/core'
import { test } from 'vitest'
import { nanoseconds } from './support/timing.ts'

const SIZES = [32, 1000, 200_000]
const PRESETS = ['default', 'classic'] as const

test.for(PRESETS.flatMap((preset) => SIZES.map((size) => [preset, size] as const)))(
  '%s, %i bytes',
  { timeout: 60_000 },
  ([preset, size]) => {
    const heap = Heap.create({ preset, maximum: 2 ** 26 })
    const kept = heap.malloc(size)
    const imports = heap.wasmImports()
    const ns = nanoseconds({
      'malloc + free': () => heap.free(heap.malloc(size)),
      'calloc + free': () => heap.free(heap.calloc(1, size)),
      'realloc(0) + free': () => heap.free(heap.realloc(0, size)),
      'realloc, same size': () => {
        heap.realloc(kept, size)
      },
      'alignedAlloc 64 + free': () => heap.free(heap.alignedAlloc(size, 64)),
      usableSize: () => {
        heap.usableSize(kept)
      },
      goodSize: () => {
        heap.goodSize(size)
      },
      'dup + free': () => heap.free(heap.dup(kept)),
      view: () => {
        heap.view(kept, Uint8Array)
      },
      'block + free': () => heap.block(size).free(),
      'scope with one malloc': () => {
        heap.scope((scope) => scope.malloc(size))
      },
      'wasm malloc + free, from JavaScript': () => imports.free(imports.malloc(size)),
    })
    const base = ns['malloc + free'] as number
    const rows = Object.entries(ns).map(([name, value]) => [
      name,
      { ns: Number(value.toFixed(1)), 'malloc + free = 1': Number((value / base).toFixed(2)) },
    ])
    console.log(`${preset}, ${size} bytes`)
    console.table(Object.fromEntries(rows))
  },
)
