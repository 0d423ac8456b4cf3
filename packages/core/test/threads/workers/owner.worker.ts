/**
 * Allocates blocks of all kinds, hands the addresses of some over, and goes on allocating and freeing until it is killed.
 * Answers with its thread id and those addresses.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Random } from '@vmalloc/conformance'
import { Heap, type HeapHandle } from '@vmalloc/core'
import { fill, mallocOrFail } from '../../support/tools.ts'

export interface OwnerOrder {
  readonly handle: HeapHandle
  readonly seed: number
}

export interface OwnerAnswer {
  readonly threadId: number
  /** Filled with a pattern: the cookie is the index. */
  readonly handed: readonly { readonly address: number; readonly size: number }[]
}

const { handle, seed } = workerData as OwnerOrder
const heap = Heap.attach(handle)
const random = new Random(seed)
const handed = [24, 500, 6000, 200_000].map((size, cookie) => {
  const address = mallocOrFail(heap, size)
  fill(heap, address, size, cookie)
  return { address, size }
})
const blocks: number[] = []
parentPort?.postMessage({ threadId: heap.threadId, handed } satisfies OwnerAnswer)
for (;;) {
  const size = random.size(1, 4000)
  const address = random.below(8) === 0 ? heap.alignedAlloc(size, 64) : heap.malloc(size)
  if (address !== 0) blocks.push(address)
  while (blocks.length > 60) heap.free(blocks.splice(random.below(blocks.length), 1)[0] as number)
}
