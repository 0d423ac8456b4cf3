/**
 * Allocates and signs blocks, exchanges each for what lies at a random place of the mailbox, verifies and frees that:
 * most blocks are freed by another thread, without any message between the two.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Random } from '@vmalloc/conformance'
import { type Address, Heap, HeapCorruptionError } from '@vmalloc/core'
import { type ChurnOrder, type ChurnReport, sign, verifySignature } from './orders.ts'

const { handle, mailbox, operations, seed, sizes, mistakes } = workerData as ChurnOrder
const heap = Heap.attach(handle)
const random = new Random(seed)
let allocated = 0
let freed = 0
let refused = 0

/** Frees a pointer into a live block, then the block with a damaged mark: both must be refused. */
function makeMistake(address: Address): void {
  expectRefusal(address + 16, 'INVALID_POINTER')
  const end = address + heap.usableSize(address)
  heap.memory.u8[end] ^= 0x40
  expectRefusal(address, 'OVERFLOW')
  heap.memory.u8[end] ^= 0x40
}

function expectRefusal(address: Address, code: string): void {
  try {
    heap.free(address)
  } catch (error) {
    if (!(error instanceof HeapCorruptionError) || error.code !== code) throw error
    refused++
    return
  }
  throw new Error(`free(${address}) was accepted, expected ${code}`)
}

for (let i = 0; i < operations; i++) {
  const size = random.size(...sizes)
  const address = heap.malloc(size)
  if (address !== 0) {
    allocated++
    sign(heap, address, size)
    if (mistakes > 0 && i % mistakes === 0) makeMistake(address)
  }
  const given = Atomics.exchange(mailbox, random.below(mailbox.length), address) >>> 0
  if (given === 0) continue
  verifySignature(heap, given)
  heap.free(given)
  freed++
}
parentPort?.postMessage({
  threadId: heap.threadId,
  allocated,
  freed,
  refused,
} satisfies ChurnReport)
