/**
 * Making a heap of a snapshot.
 *
 * - The bytes are joined in a memory of their own first. Only a heap that could be joined is copied into a memory of
 *   the caller's: a snapshot that is refused has touched nothing.
 * - Whoever restores goes on with what the thread kept ready that took the snapshot, so the free lists are the same.
 *   All other threads are gone, and the arena gets back what they kept ready.
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
import { ONLY_OWNER } from '../threads/cache-slots.ts'
import type { Session } from '../threads/session.ts'
import { rangesOf } from './snapshot.ts'
import { SnapshotError, type SnapshotErrorCode } from './snapshot-error.ts'
import { decodeSnapshot, type SnapshotHeader } from './snapshot-format.ts'

/** Offsets in the superblock: see its picture in `@vmalloc/memory`. */
const LENGTH_OFFSET_BYTES = 12
const FLAGS_OFFSET_BYTES = 28
const FLAG_SHARED = 1
const FLAG_OWN = 2

/** Where to restore a heap. */
export interface RestoreTarget {
  /**
   * Whether threads may attach to the restored heap. When that changes, the arena gets back what was kept ready.
   * @defaultValue as when the snapshot was taken
   */
  readonly shared?: boolean
  /**
   * Restore into this memory, at the addresses of the snapshot. Only the heap's own pages are written; free ones become
   * zero. A `WebAssembly.Memory` that is too short grows. Costs a second copy for as long as it takes.
   * @defaultValue a new `WebAssembly.Memory`
   */
  readonly memory?: Backing
}

/** A handle on a heap, and its way into it. */
export interface Joined<Heap> {
  readonly heap: Heap
  readonly session: Session
}

/**
 * Makes the heap of a snapshot.
 *
 * @param join - Joins the heap at a handle.
 * @throws {@link SnapshotError}; then nothing was touched.
 */
export function restoreSnapshot<Heap>(
  bytes: unknown,
  { memory, shared }: RestoreTarget,
  join: (handle: MemoryHandle) => Joined<Heap>,
): Heap {
  const { header, data } = decodeSnapshot(bytes)
  const { base } = header
  const threaded = shared ?? header.threaded
  if (memory !== undefined) requireTarget(memory, header, threaded)
  const own = explained('NO_ROOM', () => newMemory(header, threaded))
  return explained('DAMAGED', () => {
    fill(own.buffer, header, data)
    const { session } = join({ memory: own, base })
    const survivor = survivorOf(header, threaded)
    session.run(() => session.slots?.reclaim(survivor))
    writeFlags(own.buffer, base, threaded, memory === undefined)
    const place = memory ?? own
    if (memory !== undefined) copyInto(bufferFor(memory, header), session.arena)
    const joined = join({ memory: place, base })
    joined.session.run(() => {
      if (threaded) joined.session.slots?.adopt(survivor, joined.session.threadId)
    })
    return joined.heap
  })
}

/** Owner of the one slot whose lists stay as they are, 0 for none: threads count otherwise than a heap without. */
function survivorOf(header: SnapshotHeader, threaded: boolean): number {
  if (header.threaded !== threaded) return 0
  return threaded ? header.threadId : ONLY_OWNER
}

/** Runs a step whose errors say what is wrong with the snapshot. */
function explained<Result>(code: SnapshotErrorCode, step: () => Result): Result {
  try {
    return step()
  } catch (cause) {
    if (cause instanceof SnapshotError) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new SnapshotError(code, `the heap of the snapshot cannot be restored: ${message}`, {
      cause,
    })
  }
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

/** Writes the bytes of a snapshot. Whatever it says, the lock is open. */
function fill(buffer: ArrayBufferLike, { base, ranges }: SnapshotHeader, data: Uint8Array): void {
  const u8 = new Uint8Array(buffer)
  let at = 0
  for (const { address, length } of ranges) {
    u8.set(data.subarray(at, at + length), address)
    at += length
  }
  u8.fill(0, base + LOCK_OFFSET_BYTES, base + LOCK_OFFSET_BYTES + 4)
  writeLength(buffer, base)
}

/** Copies a heap. Pages that it never used it takes for zero. */
function copyInto(buffer: ArrayBufferLike, arena: Arena): void {
  const u8 = new Uint8Array(buffer)
  const from = arena.memory.u8
  for (const { address, length } of rangesOf(arena))
    u8.set(from.subarray(address, address + length), address)
  for (const { address, length, name } of arena.space.maps())
    if (name === '[free]') u8.fill(0, address, address + length)
  writeLength(buffer, arena.memory.base)
}

function writeLength(buffer: ArrayBufferLike, base: number): void {
  const length = Math.floor(buffer.byteLength / 8) * 8
  new DataView(buffer, base).setUint32(LENGTH_OFFSET_BYTES, length, true)
}

function writeFlags(buffer: ArrayBufferLike, base: number, threaded: boolean, own: boolean): void {
  const flags = (threaded ? FLAG_SHARED : 0) | (own ? FLAG_OWN : 0)
  new DataView(buffer, base).setUint32(FLAGS_OFFSET_BYTES, flags, true)
}

/** What can be told of a memory without changing it: whether it is one, and can hold the heap. */
function requireTarget(memory: Backing, { byteLength }: SnapshotHeader, threaded: boolean): void {
  const known = memory instanceof WebAssembly.Memory || isBuffer(memory)
  if (!known) {
    throw new MemoryError(
      'BAD_MEMORY',
      'memory is none: it must be a WebAssembly.Memory, a SharedArrayBuffer or an ArrayBuffer',
    )
  }
  const buffer = memory instanceof WebAssembly.Memory ? memory.buffer : memory
  if (buffer === memory && buffer.byteLength < byteLength) {
    throw new SnapshotError(
      'NO_ROOM',
      `the snapshot is of ${byteLength} bytes, the memory has ${buffer.byteLength}`,
    )
  }
  if (threaded && buffer instanceof ArrayBuffer) {
    throw new SnapshotError(
      'NO_ROOM',
      'the heap of the snapshot is for threads, and the memory given is not shared: give shared: false',
    )
  }
}

function isBuffer(memory: unknown): boolean {
  const isShared = typeof SharedArrayBuffer !== 'undefined' && memory instanceof SharedArrayBuffer
  return isShared || memory instanceof ArrayBuffer
}

/** The buffer of a memory that can hold it, grown when it is too short. */
function bufferFor(memory: Backing, { byteLength }: SnapshotHeader): ArrayBufferLike {
  if (!(memory instanceof WebAssembly.Memory)) return memory
  const missing = byteLength - memory.buffer.byteLength
  if (missing > 0) {
    try {
      memory.grow(Math.ceil(missing / WASM_PAGE_BYTES))
    } catch (cause) {
      throw new SnapshotError(
        'NO_ROOM',
        `the snapshot is of ${byteLength} bytes, and the WebAssembly.Memory of ${memory.buffer.byteLength} cannot grow`,
        { cause },
      )
    }
  }
  return memory.buffer
}
