/**
 * Allocates blocks, fills each with its size's low byte and sends them to another worker; verifies and frees what
 * arrives from a third, or the same. Reports once, when it has freed as many blocks as it allocated.
 */
import { type Address, Heap } from '@vmalloc/core'
import type { ChurnOrder, ChurnReport } from './orders.ts'

interface Block {
  readonly address: Address
  readonly size: number
}

const BATCH = 50

self.addEventListener('message', ({ data }: MessageEvent<ChurnOrder>) => {
  const heap = Heap.attach(data.handle)
  const random = xorshift32(data.seed)
  let sent = 0
  let freed = 0
  let damaged = 0

  const sendBatch = (): void => {
    if (sent === data.blocks) return
    const batch: Block[] = []
    for (; batch.length < BATCH; sent++) {
      const size = 1 + random(random(10) === 0 ? 20_000 : 200)
      const address = heap.malloc(size)
      if (address === 0) throw new Error(`no room for ${size} bytes`)
      heap.memory.u8.fill(size & 0xff, address, address + size)
      batch.push({ address, size })
    }
    data.to.postMessage(batch)
  }

  data.from.addEventListener('message', (message: MessageEvent<Block[]>) => {
    for (const { address, size } of message.data) {
      const payload = heap.memory.u8.subarray(address, address + size)
      if (!payload.every((byte) => byte === (size & 0xff))) damaged++
      heap.free(address)
      freed++
    }
    sendBatch()
    if (freed === data.blocks) self.postMessage({ freed, damaged } satisfies ChurnReport)
  })
  data.from.start()
  // Two batches are always under way each way, so that all workers allocate and free at the same time.
  sendBatch()
  sendBatch()
})

/** Numbers below a bound, the same in every run. */
function xorshift32(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
