/**
 * The rule of mstress (D. Leijen): every word of a block is a function of its place and a cookie, verified when the block
 * is freed; blocks live in the thread's own list, in its list of retained ones, or in places that all threads share.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Random } from '@vmalloc/conformance'
import { type Address, Heap, type HeapHandle } from '@vmalloc/core'

export interface StressOrder {
  readonly handle: HeapHandle
  readonly places: Int32Array<SharedArrayBuffer>
  /** Blocks to allocate; half as many are retained until the end. */
  readonly blocks: number
  readonly seed: number
}

const HEADER_WORDS = 2

const { handle, places, blocks, seed } = workerData as StressOrder
const heap = Heap.attach(handle)
const random = new Random(seed)
const own: Address[] = []
const retained: Address[] = []
let verified = 0

function make(words: number): Address {
  let count = words
  if (random.below(50) === 0) count *= random.below(9) === 0 ? 1000 : 100
  const size = (count + HEADER_WORDS) * 4
  const address = heap.malloc(size)
  if (address === 0) return 0
  const { u32 } = heap.memory
  const first = address >>> 2
  const cookie = random.below(2 ** 30)
  u32[first] = count
  u32[first + 1] = cookie
  for (let i = 0; i < count; i++) u32[first + HEADER_WORDS + i] = (count - i) ^ cookie
  return address
}

function destroy(address: Address): void {
  if (address === 0) return
  const { u32 } = heap.memory
  const first = address >>> 2
  const count = u32[first] as number
  const cookie = u32[first + 1] as number
  for (let i = 0; i < count; i++) {
    if (u32[first + HEADER_WORDS + i] !== ((count - i) ^ cookie) >>> 0)
      throw new Error(`word ${i} of ${count} at ${address} changed`)
  }
  verified++
  heap.free(address)
}

let left = blocks
let toRetain = blocks >>> 1
while (left > 0 || toRetain > 0) {
  if (toRetain === 0 || (random.below(100) <= 50 && left > 0)) {
    left--
    own.push(make(2 ** random.below(5)))
  } else {
    toRetain--
    retained.push(make(2 ** random.below(7)))
  }
  if (random.below(100) < 67 && own.length > 0)
    destroy(own.splice(random.below(own.length), 1)[0] ?? 0)
  if (random.below(100) < 26 && own.length > 0) {
    const mine = random.below(own.length)
    const place = random.below(places.length)
    own[mine] = Atomics.exchange(places, place, own[mine] ?? 0) >>> 0
  }
}
for (const address of [...retained, ...own]) destroy(address)
heap.detach()
parentPort?.postMessage(verified)
