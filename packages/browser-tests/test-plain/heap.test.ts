/** What works, and what is refused how, on a page without cross-origin isolation. */
import { efree, emalloc, Heap } from '@vmalloc/core'
import { MemoryError } from '@vmalloc/memory'
import { expect, test } from 'vitest'

/** One size of each kind: small, medium, large. */
const SIZES = [16, 5000, 200_000]

test('a shared heap is refused with a typed error that names both headers', () => {
  let thrown: unknown
  try {
    Heap.create({ shared: true })
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(MemoryError)
  expect(thrown).toMatchObject({ code: 'NOT_ISOLATED' })
  expect(String(thrown)).toContain('Cross-Origin-Opener-Policy')
  expect(String(thrown)).toContain('Cross-Origin-Embedder-Policy')
})

test.each([
  ['a WebAssembly.Memory', () => Heap.create({ shared: false, maximum: 1 << 24 })],
  ['an ArrayBuffer', () => Heap.create({ memory: new ArrayBuffer(1 << 22) })],
])('an unshared heap works in %s', (_, create) => {
  const heap = create()
  const addresses = SIZES.map((size) => heap.malloc(size))
  for (const [index, address] of addresses.entries()) {
    expect(address).not.toBe(0)
    heap.memory.u8.fill(index + 1, address, address + (SIZES[index] ?? 0))
  }
  for (const [index, address] of addresses.entries()) {
    const payload = heap.memory.u8.subarray(address, address + (SIZES[index] ?? 0))
    expect(payload.every((byte) => byte === index + 1)).toBe(true)
    heap.free(address)
  }
  heap.check()
  expect(heap.stats().live).toBe(0)
})

test('the default heap, made on first use, works', () => {
  const address = emalloc(100)
  expect(address).not.toBe(0)
  efree(address)
})
