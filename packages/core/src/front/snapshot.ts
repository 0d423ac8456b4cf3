/**
 * Snapshots: a heap as bytes. `restore.ts` makes a heap of them again, in another process too.
 *
 * A heap knows no address but its own, so a copy of its bytes at the same addresses is the heap: data, marks, free
 * lists, and what threads keep ready. What is not copied is the state of the lock, which is open.
 */
import { LOCK_OFFSET_BYTES } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { encodeSnapshot, type Range } from './snapshot-format.ts'

/**
 * To be called under the lock. Cost: linear in the mapped bytes.
 *
 * @param threadId - Who takes it: whoever restores it goes on with what this thread keeps ready.
 */
export function snapshotOf(arena: Arena, threadId: number): Uint8Array {
  const { base, byteLength, maximum, threaded, u8 } = arena.memory
  const ranges = rangesOf(arena)
  const header = { base, byteLength, maximum, threaded, threadId, ranges }
  return encodeSnapshot(header, ({ address, length }, target) => {
    target.set(u8.subarray(address, address + length))
    if (address === base) target.fill(0, LOCK_OFFSET_BYTES, LOCK_OFFSET_BYTES + 4)
  })
}

/** What of the memory is the heap: its control area and all mapped pages, in address order. */
export function rangesOf({ memory, space }: Arena): Range[] {
  const first = { address: memory.base, length: memory.controlEnd - memory.base }
  const ranges = [first]
  let last = first
  for (const { address, length, name } of space.maps()) {
    if (name === '[free]' || name === '[foreign]') continue
    if (last.address + last.length === address) last.length += length
    else {
      last = { address, length }
      ranges.push(last)
    }
  }
  return ranges
}
