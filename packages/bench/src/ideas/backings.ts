/**
 * What a backing can give back to the system: the resident bytes of the process while a heap's worth of memory is used,
 * trimmed and dropped; and what views of a buffer that can shrink cost.
 */
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Heap } from '@vmalloc/core'

const MIB = 2 ** 20
const USED_BYTES: number = 256 * MIB
const WASM_PAGE_BYTES = 65_536
const ROUNDS = 9
const ACCESSES = 4_000_000

const residentMiB = (): string => (process.memoryUsage.rss() / MIB).toFixed(0)

/** ArrayBuffer.prototype.resize is newer than the `lib` that the library is held to. */
interface Resizable extends ArrayBuffer {
  resize(byteLength: number): void
}
const newResizable = (initial: number, maxByteLength: number): Resizable =>
  new (
    ArrayBuffer as unknown as new (
      length: number,
      options: { maxByteLength: number },
    ) => Resizable
  )(initial, { maxByteLength })

const BUFFERS: Readonly<Record<string, () => ArrayBuffer>> = {
  'WebAssembly.Memory': () => new WebAssembly.Memory({ initial: 1, maximum: 16_384 }).buffer,
  ArrayBuffer: () => new ArrayBuffer(WASM_PAGE_BYTES),
  'resizable ArrayBuffer, view that tracks its length': () =>
    newResizable(WASM_PAGE_BYTES, 2 ** 30),
}

/** Prints two tables. */
export async function backings(): Promise<void> {
  console.log('| resident MiB | before | 256 MiB used | freed | and trimmed | or shrunk |')
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |')
  await resizableBuffer()
  await heapOfWasm()
  console.log('\n| 32-bit words read and written at random in 64 KiB, ns | |')
  console.log('| --- | ---: |')
  for (const name of Object.keys(BUFFERS)) console.log(`| ${name} | ${inOwnProcess(name)} |`)
}

async function heapOfWasm(): Promise<void> {
  const before = residentMiB()
  const heap = Heap.create({ maximum: 2 * USED_BYTES })
  const blocks = new Uint32Array(USED_BYTES / MIB)
  heap.allocMany(MIB, blocks)
  for (const block of blocks) heap.memory.u8.fill(1, block, block + MIB)
  const used = residentMiB()
  heap.freeMany(blocks)
  const freed = residentMiB()
  heap.trim()
  await sleep(100)
  console.log(
    `| heap in WebAssembly.Memory | ${before} | ${used} | ${freed} | ${residentMiB()} | |`,
  )
}

async function resizableBuffer(): Promise<void> {
  const before = residentMiB()
  const buffer = newResizable(USED_BYTES, 2 * USED_BYTES)
  new Uint8Array(buffer).fill(1)
  const used = residentMiB()
  buffer.resize(WASM_PAGE_BYTES)
  await sleep(100)
  console.log(`| resizable ArrayBuffer | ${before} | ${used} | | | ${residentMiB()} |`)
}

/** A process each: code that has seen one kind of array knows it best. */
function inOwnProcess(name: string): string {
  const script = fileURLToPath(import.meta.url)
  const { stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, script, name], {
    encoding: 'utf8',
  })
  if (stdout === '') throw new Error(stderr)
  return stdout.trim()
}

function accessTime(words: Uint32Array): number {
  let least = Number.POSITIVE_INFINITY
  let x = 1
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (let i = 0; i < ACCESSES; i++) {
      x = (Math.imul(x, 1103515245) + 12345) & 0x3fff
      words[x] = (words[x ^ 1] as number) + 1
    }
    least = Math.min(least, ((performance.now() - start) * 1e6) / ACCESSES)
  }
  return least
}

const [, script, name] = process.argv
if (script === fileURLToPath(import.meta.url) && name !== undefined) {
  const open = BUFFERS[name] as () => ArrayBuffer
  console.log(accessTime(new Uint32Array(open())).toFixed(2))
}
