/** The front of the built core on the oldest Node: no syntax and no global that it lacks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heap, SnapshotError, wasmImports } from '@vmalloc/core'
import { totalsOf } from '@vmalloc/core/map'

for (const shared of [false, true]) {
  test(`views, strings, handles and scopes: shared ${shared}`, () => {
    const heap = Heap.create({ shared, maximum: 1 << 24 })
    const text = heap.allocString('grüß')
    assert.equal(heap.readString(text), 'grüß')
    const block = heap.block(64)
    block.view(Float64Array)[7] = 1.5
    assert.equal(heap.view(block.address, DataView).getFloat64(56, true), 1.5)
    // Without `using`, which this Node cannot parse: what it would call.
    block[Symbol.dispose]()
    block[Symbol.dispose]()
    heap.scope((scope) => scope.allocArray(Uint8Array, 100).array.fill(1))
    assert.equal(heap.leaks().length, 1)
    heap.check()
  })

  test(`snapshot, recording and imports: shared ${shared}`, () => {
    const heap = Heap.create({ shared, maximum: 1 << 24, zeroOnFree: true })
    const recorder = heap.record()
    const text = heap.allocString('kept')
    assert.equal(String.fromCharCode(...recorder.finish().subarray(0, 4)), 'MTR1')
    const bytes = heap.snapshot()
    const again = Heap.restore(bytes)
    again.check()
    assert.equal(again.readString(text), 'kept')
    bytes[200] ^= 1
    assert.throws(() => Heap.restore(bytes), SnapshotError)
    const { malloc, free, posix_memalign } = wasmImports(() => again)
    const address = malloc(100)
    assert.equal(posix_memalign(address, 3, 10), 22)
    free(address)
    assert.equal(again.freeAll(), 1)
    const map = again.map()
    assert.equal(
      Object.values(totalsOf(map)).reduce((a, b) => a + b),
      map.end - map.begin,
    )
  })
}
