/** How long the repair takes after a thread died inside an operation: it is linear in the heap, and everybody waits. */
import { Heap } from '@vmalloc/core'

export interface Recovery {
  readonly blocks: number
  readonly ms: number
  readonly msPerMillionBlocks: number
}

/** Sizes of the blocks: what a program of small objects has. */
const SIZES = [16, 24, 40, 64, 100, 200, 400, 1000]

/** A thread dies while it visits a heap of so many blocks: it holds the lock then. */
export function measureRecovery(blocks: number): Recovery {
  const heap = Heap.create({ shared: true, maximum: 2 ** 30 })
  for (let i = 0; i < blocks; i++) heap.malloc(SIZES[i % SIZES.length] as number)
  const victim = Heap.attach(heap.handle)
  let ms = 0
  victim.walk(() => {
    if (ms > 0) return
    const start = performance.now()
    const { heldLock } = heap.reportDead(victim.threadId)
    ms = performance.now() - start
    if (!heldLock) throw new Error('the thread did not hold the lock')
  })
  heap.check()
  return {
    blocks,
    ms: Number(ms.toFixed(1)),
    msPerMillionBlocks: Math.round((ms / blocks) * 1e6),
  }
}
