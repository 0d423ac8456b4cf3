/** The malloc family of the built core, on every kind of memory this Node has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { efree, emalloc, Heap, HeapCorruptionError } from '@vmalloc/core'

/** One size of each kind (small, medium, large) and the bounds between them. */
const SIZES = [1, 16, 48, 64, 65, 1000, 4096, 131_000, 131_072, 300_000]

const HEAPS = {
  unshared: () => Heap.create({ shared: false, maximum: 1 << 24 }),
  shared: () => Heap.create({ shared: true, maximum: 1 << 24 }),
  classic: () => Heap.create({ preset: 'classic', maximum: 1 << 24 }),
  'in an ArrayBuffer': () => Heap.create({ memory: new ArrayBuffer(1 << 23) }),
  'in a SharedArrayBuffer': () => Heap.create({ memory: new SharedArrayBuffer(1 << 23) }),
}

for (const [name, create] of Object.entries(HEAPS)) {
  test(`malloc, calloc, realloc, alignedAlloc and free: heap ${name}`, () => {
    const heap = create()
    const blocks = SIZES.map((size, index) => {
      const address = heap.malloc(size)
      assert.notEqual(address, 0, `no room for ${size} bytes`)
      assert.ok(heap.usableSize(address) >= size)
      heap.memory.u8.fill(index + 1, address, address + size)
      return { address, size, fill: index + 1 }
    })
    for (const { address, size, fill } of blocks) {
      const payload = heap.memory.u8.subarray(address, address + size)
      assert.ok(
        payload.every((byte) => byte === fill),
        `payload of ${size} bytes changed`,
      )
    }
    const grown = heap.realloc(blocks[1].address, 5000)
    assert.deepEqual([...heap.memory.u8.subarray(grown, grown + 16)], Array(16).fill(2))
    blocks[1].address = grown
    const zeroed = heap.calloc(25, 4)
    assert.ok(heap.memory.u8.subarray(zeroed, zeroed + 100).every((byte) => byte === 0))
    const aligned = heap.alignedAlloc(100, 256)
    assert.equal(aligned % 256, 0)
    for (const address of [zeroed, aligned, ...blocks.map((block) => block.address)]) {
      heap.free(address)
    }
    heap.check()
    assert.equal(heap.stats().live, 0)
  })
}

test('the process-wide heap serves emalloc and efree', () => {
  const address = emalloc(100)
  assert.notEqual(address, 0)
  efree(address)
  assert.equal(emalloc(0), 0)
})

test('a second free is a typed error and the heap stays usable', () => {
  const heap = Heap.create({ shared: false, maximum: 1 << 22 })
  const address = heap.malloc(200)
  heap.free(address)
  assert.throws(
    () => heap.free(address),
    (error) => error instanceof HeapCorruptionError && error.code === 'DOUBLE_FREE',
  )
  heap.free(heap.malloc(200))
  heap.check()
})
