/**
 * Works until it is killed: allocates blocks of all kinds, signs every word with a cookie, re-allocates, frees, and
 * verifies each block it frees. Tells its thread id first. Reports damage; otherwise it never ends.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Random } from '@vmalloc/conformance'
import { Heap, type HeapHandle, holdThread } from '@vmalloc/core'
import { damage, fill } from '../../support/tools.ts'

export interface ToilOrder {
  readonly handle: HeapHandle
  readonly seed: number
  /** For Web Locks; none without it. */
  readonly realm?: string
  /** Words: operations so far of all, a flag that something was damaged, and one that all shall rest. */
  readonly board: Int32Array<SharedArrayBuffer>
}

const { handle, seed, realm, board } = workerData as ToilOrder
const heap = Heap.attach(handle)
if (realm !== undefined) await holdThread(heap, realm)
parentPort?.postMessage(heap.threadId)
const random = new Random(seed)
const blocks: { address: number; size: number; cookie: number }[] = []

for (let i = 1; ; i++) {
  const size = random.below(20) === 0 ? random.size(60_000, 300_000) : random.size(1, 4000)
  const way = random.below(16)
  const address =
    way < 2
      ? heap.alignedAlloc(size, 64)
      : way === 2
        ? await heap.mallocAsync(size)
        : heap.malloc(size)
  if (address !== 0) {
    fill(heap, address, size, i)
    blocks.push({ address, size, cookie: i })
  }
  while (blocks.length > 30) {
    const [block] = blocks.splice(random.below(blocks.length), 1)
    if (block === undefined) break
    if (damage(heap, block.address, block.size, block.cookie) >= 0) Atomics.store(board, 1, 1)
    if (random.below(16) === 0) await heap.freeAsync(block.address)
    else if (random.below(4) > 0) heap.free(block.address)
    else {
      const grown = heap.realloc(block.address, block.size + 500)
      heap.free(grown === 0 ? block.address : grown)
    }
  }
  Atomics.add(board, 0, 1)
  if (Atomics.load(board, 2) === 1) Atomics.wait(board, 2, 1)
}
