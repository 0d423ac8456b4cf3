/** Writes into the control area of a heap until it is told to stop; the lock keeps its word. */
import { parentPort, workerData } from 'node:worker_threads'
import { Random } from '@vmalloc/conformance'

const CONTROL_WORDS = 2048
const LOCK_FROM = 64 / 4
const LOCK_TO = 80 / 4
/** Words changed at a time, before the sound ones come back. */
const BURST = 3

const { buffer, stop, seed } = workerData as {
  buffer: SharedArrayBuffer
  stop: SharedArrayBuffer
  seed: number
}
const words = new Uint32Array(buffer)
const sound = words.slice(0, CONTROL_WORDS)
const random = new Random(seed)
parentPort?.postMessage('ready')
while (Atomics.load(new Int32Array(stop), 0) === 0) {
  for (let i = 0; i < BURST; i++) {
    const at = random.below(CONTROL_WORDS)
    if (at < LOCK_FROM || at >= LOCK_TO)
      words[at] = random.chance(0.5) ? random.word() : words[at] ^ (1 << random.below(32))
  }
  for (let pause = random.below(2000); pause > 0; pause--) Atomics.load(words, 0)
  for (let at = 0; at < CONTROL_WORDS; at++)
    if (at < LOCK_FROM || at >= LOCK_TO) words[at] = sound[at]
}
