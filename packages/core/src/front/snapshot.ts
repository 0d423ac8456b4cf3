/**
 * Snapshots: a heap as bytes, and a heap again of these bytes, in another process too.
 *
 * A heap knows no address but its own, so a copy of its bytes at the same addresses is the heap: data, marks and free
 * lists. What is not copied is the state of threads: the lock is open, and ids of attachments go on counting.
 */
import {
  type Backing,
  LOCK_OFFSET_BYTES,
  Memory,
  MemoryError,
  type MemoryHandle,
  WASM_PAGE_BYTES,
} from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import type { Assembled } from '../assembly.ts'
import { Session } from '../threads/session.ts'
import { SnapshotError } from './snapshot-error.ts'
import {
  decodeSnapshot,
  encodeSnapshot,
  type Range,
  type SnapshotHeader,
} from './snapshot-format.ts'

/** Offsets in the superblock: see its picture in `@vmalloc/memory`. */
const LENGTH_OFFSET_BYTES = 12
const FLAGS_OFFSET_BYTES = 28
const FLAG_SHARED = 1
const FLAG_OWN = 2

/** To be called under the lock. Cost: linear in the mapped bytes. */
export function snapshotOf(arena: Arena): Uint8Array {
  const { memory, space } = arena
  const ranges: { address: number; length: number }[] = []
  const add = ({ address, length }: Range): void => {
    const last = ranges.at(-1)
    if (last !== undefined && last.address + last.length === address) last.length += length
    else ranges.push({ address, length })
  }
  add({ address: memory.base, length: memory.controlEnd - memory.base })
  for (const { address, length, name } of space.maps()) {
    if (name !== '[free]' && name !== '[foreign]') add({ address, length })
  }
  const { base, byteLength, maximum, threaded } = memory
  return encodeSnapshot({ base, byteLength, maximum, threaded, ranges }, (range, target) => {
    target.set(memory.u8.subarray(range.address, range.address + range.length))
    if (range.address === base) target.fill(0, LOCK_OFFSET_BYTES, LOCK_OFFSET_BYTES + 4)
  })
}

/** Where to restore a heap. */
export interface RestoreTarget {
  /**
   * Whether threads may attach to the restored heap.
   * @defaultValue as when the snapshot was taken
   */
  readonly shared?: boolean
  /**
   * Restore into this memory, at the addresses of the snapshot. Only the heap's own pages are written; free ones become
   * zero. A `WebAssembly.Memory` that is too short grows.
   * @defaultValue a new `WebAssembly.Memory`
   */
  readonly memory?: Backing
}

/**
 * Writes the heap of a snapshot into a memory, and takes back what threads of its former life kept ready.
 *
 * @param attach - Joins the heap at a handle.
 * @returns What `Heap.attach` needs.
 * @throws {@link SnapshotError}; then nothing was written.
 */
export function restoreSnapshot(
  bytes: unknown,
  { memory, shared }: RestoreTarget,
  attach: (handle: MemoryHandle) => Assembled,
): MemoryHandle {
  const { header, data } = decodeSnapshot(bytes)
  if (memory !== undefined) requireMemory(memory)
  const threaded = shared ?? header.threaded
  const backing = memory ?? newMemory(header, threaded)
  const u8 = new Uint8Array(bufferFor(backing, header, threaded))
  let at = 0
  for (const { address, length } of header.ranges) {
    u8.set(data.subarray(at, at + length), address)
    at += length
  }
  const superblock = new DataView(u8.buffer, header.base)
  superblock.setUint32(LENGTH_OFFSET_BYTES, Math.floor(u8.byteLength / 8) * 8, true)
  const handle = { memory: backing, base: header.base }
  const assembled = attach(handle)
  reclaimCaches(assembled)
  if (memory !== undefined) clearFreePages(assembled)
  superblock.setUint32(
    FLAGS_OFFSET_BYTES,
    (threaded ? FLAG_SHARED : 0) | (memory === undefined ? FLAG_OWN : 0),
    true,
  )
  return handle
}

/** The heap takes pages that it never used for zero. */
function clearFreePages({ arena: { memory, space } }: Assembled): void {
  for (const { address, length, name } of space.maps()) {
    if (name === '[free]') memory.zero(address, length)
  }
}

/** All threads of the heap that was are gone. */
function reclaimCaches({ arena, slots }: Assembled): void {
  if (slots === undefined) return
  new Session(arena, slots).run(() => {
    for (const cache of slots.all()) {
      cache.release()
      slots.vacate(cache)
    }
  })
}

function newMemory({ byteLength, maximum }: SnapshotHeader, shared: boolean): WebAssembly.Memory {
  const pages = Math.ceil(byteLength / WASM_PAGE_BYTES)
  const options = {
    initial: pages * WASM_PAGE_BYTES,
    maximum: Math.max(maximum, pages * WASM_PAGE_BYTES),
    shared,
  }
  const memory = Memory.create(options)
  // Made for its checks and errors; the superblock it wrote is not part of the snapshot.
  memory.u8.fill(0, 0, memory.controlEnd)
  return memory.handle.memory as WebAssembly.Memory
}

function requireMemory(memory: unknown): void {
  const known =
    memory instanceof WebAssembly.Memory ||
    memory instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer !== 'undefined' && memory instanceof SharedArrayBuffer)
  if (!known) {
    throw new MemoryError(
      'BAD_MEMORY',
      'memory is none: it must be a WebAssembly.Memory, a SharedArrayBuffer or an ArrayBuffer',
    )
  }
}

/** The buffer of a memory, long enough. */
function bufferFor(backing: Backing, header: SnapshotHeader, threaded: boolean): ArrayBufferLike {
  const { byteLength } = header
  if (backing instanceof WebAssembly.Memory && backing.buffer.byteLength < byteLength) {
    const missing = byteLength - backing.buffer.byteLength
    try {
      backing.grow(Math.ceil(missing / WASM_PAGE_BYTES))
    } catch {
      throw new SnapshotError(
        'NO_ROOM',
        `the snapshot is of ${byteLength} bytes, and the WebAssembly.Memory of ${backing.buffer.byteLength} cannot grow`,
      )
    }
  }
  const buffer = backing instanceof WebAssembly.Memory ? backing.buffer : backing
  if (buffer.byteLength < byteLength) {
    throw new SnapshotError(
      'NO_ROOM',
      `the snapshot is of ${byteLength} bytes, the memory has ${buffer.byteLength}`,
    )
  }
  if (
    threaded &&
    !(typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer)
  ) {
    throw new SnapshotError(
      'NO_ROOM',
      'the heap of the snapshot is for threads, and the memory given is not shared: give shared: false',
    )
  }
  return buffer
}
