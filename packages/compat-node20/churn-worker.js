/**
 * Allocates blocks, fills each with its own length's low byte and sends them to the other thread; verifies and frees
 * what arrives from there. Reports once, when it has freed as many blocks as the other allocated.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Heap } from '@vmalloc/core'

const { handle, port, rounds, seed } = workerData
const heap = Heap.attach(handle)
const BATCH = 50
let state = seed
let sent = 0
let freed = 0
let damaged = 0

/** xorshift32: the sizes are the same in every run. */
function random(below) {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}

port.on('message', (blocks) => {
  for (const { address, size } of blocks) {
    const payload = heap.memory.u8.subarray(address, address + size)
    if (!payload.every((byte) => byte === (size & 0xff))) damaged++
    heap.free(address)
    freed++
  }
  sendBatch()
  if (freed === rounds) parentPort.postMessage({ freed, damaged })
})

// Two batches are always under way each way, so that both threads allocate and free at the same time.
sendBatch()
sendBatch()

function sendBatch() {
  if (sent === rounds) return
  const blocks = []
  for (; blocks.length < BATCH; sent++) {
    const size = 1 + random(random(10) === 0 ? 20_000 : 200)
    const address = heap.malloc(size)
    if (address === 0) throw new Error(`no room for ${size} bytes`)
    heap.memory.u8.fill(size & 0xff, address, address + size)
    blocks.push({ address, size })
  }
  port.postMessage(blocks)
}
