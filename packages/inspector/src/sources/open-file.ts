/** A file as a source: told by its content, not by its name. */
import { decodeTrace } from '@vmalloc/trace'
import { SnapshotHeap } from './snapshot-heap.ts'
import { TraceHeap } from './trace-heap.ts'

/** A small file must not unpack to fill the machine. */
const MAX_BYTES = 2 ** 30
const GZIP = [0x1f, 0x8b]
const MTR1 = [0x4d, 0x54, 0x52, 0x31]

/** @throws Error whose message names the file and says what is wrong with it. */
export async function openFile(file: File): Promise<SnapshotHeap | TraceHeap> {
  try {
    const bytes = await unpack(file)
    if (begins(bytes, MTR1)) return new TraceHeap(decodeTrace(bytes, baseName(file.name)))
    return new SnapshotHeap(file.name, bytes)
  } catch (error) {
    const { name, message } = error as Error
    const kinds = 'It must be a snapshot (heap.snapshot()) or a trace (MTR1, plain or gzip).'
    throw new Error(`${file.name} cannot be shown: ${message} (${name}). ${kinds}`)
  }
}

async function unpack(file: File): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  if (!begins(bytes, GZIP)) return bytes
  const reader = file.stream().pipeThrough(new DecompressionStream('gzip')).getReader()
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > MAX_BYTES) throw new RangeError(`it unpacks to more than ${MAX_BYTES} bytes`)
    chunks.push(value)
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer())
}

function begins(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte)
}

function baseName(name: string): string {
  return name.replace(/\.gz$/, '').replace(/\.mtr$/, '')
}
