/** What the tests of the markings share. */
import { Memory } from '@vmalloc/memory'
import { HeapCorruptionError } from '../src/index.ts'

export const SECRET = 0x5eed5eed

/** A memory of 64 KiB full of 0xA5, but for its superblock. */
export function dirtyMemory(secret: number = SECRET, initial: number = 65536): Memory {
  const memory = Memory.create({ secret, initial })
  memory.u8.fill(0xa5, 4096)
  return memory
}

/** What `act` throws; fails when that is no `HeapCorruptionError`, or when it changed a byte of the memory. */
export function corruption(memory: Memory, act: () => unknown): HeapCorruptionError {
  const before = memory.u8.slice()
  try {
    act()
  } catch (error) {
    if (!(error instanceof HeapCorruptionError)) throw error
    if (Buffer.compare(memory.u8, before) !== 0) throw new Error('the report changed the memory')
    return error
  }
  throw new Error('expected a HeapCorruptionError')
}
