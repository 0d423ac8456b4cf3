/** Writing, verifying and using the superblock: see `layout.ts` for its picture. */
import type { Address } from './contract.ts'
import { hex, MemoryError, requireOption } from './errors.ts'
import {
  CONTROL_ALIGNMENT_BYTES,
  CONTROL_END_OFFSET_BYTES,
  CONTROL_TOP_OFFSET_BYTES,
  DIRECTORY_ENTRIES,
  DIRECTORY_ENTRY_BYTES,
  DIRECTORY_OFFSET_BYTES,
  ENTRIES_OFFSET_BYTES,
  FLAG_OWN,
  FLAG_SHARED,
  FLAGS_OFFSET_BYTES,
  LAYOUT_VERSION,
  LENGTH_OFFSET_BYTES,
  MAGIC_OFFSET_BYTES,
  MAXIMUM_OFFSET_BYTES,
  NAME_BYTES,
  READY_OFFSET_BYTES,
  roundUp,
  SECRET_OFFSET_BYTES,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_MAGIC,
  VERSION_OFFSET_BYTES,
} from './layout.ts'
import type { Memory } from './memory.ts'

export function formatSuperblock(
  memory: Memory,
  headBytes: number,
  maximum: number,
  secret: number,
  own: boolean,
): void {
  const { base, u32 } = memory
  memory.u8.fill(0, base, base + headBytes)
  const put = (offset: number, value: number): void => {
    u32[(base + offset) >>> 2] = value
  }
  put(MAGIC_OFFSET_BYTES, SUPERBLOCK_MAGIC)
  put(VERSION_OFFSET_BYTES, LAYOUT_VERSION)
  put(LENGTH_OFFSET_BYTES, memory.byteLength)
  put(CONTROL_TOP_OFFSET_BYTES, base + SUPERBLOCK_BYTES)
  put(CONTROL_END_OFFSET_BYTES, base + headBytes)
  put(MAXIMUM_OFFSET_BYTES, maximum)
  put(FLAGS_OFFSET_BYTES, (memory.shared ? FLAG_SHARED : 0) | (own ? FLAG_OWN : 0))
  put(SECRET_OFFSET_BYTES, secret)
}

/** Publishes a formatted heap: from now on other threads may attach. Everything written before is visible to them. */
export function publish(memory: Memory): void {
  Atomics.store(memory.i32, (memory.base + READY_OFFSET_BYTES) >>> 2, 1)
}

/** @throws {@link MemoryError} unless the memory holds a published heap of this layout version. */
export function verifySuperblock(memory: Memory): void {
  const { base, u32, byteLength } = memory
  const at = (offset: number): number => u32[(base + offset) >>> 2]
  const where = `at ${hex(base)} of a memory of ${byteLength} bytes`
  if (at(MAGIC_OFFSET_BYTES) !== SUPERBLOCK_MAGIC) {
    throw new MemoryError(
      'NOT_A_HEAP',
      `no heap ${where}: found ${hex(at(MAGIC_OFFSET_BYTES))}, expected ${hex(SUPERBLOCK_MAGIC)}`,
      base,
    )
  }
  if (at(VERSION_OFFSET_BYTES) !== LAYOUT_VERSION) {
    throw new MemoryError(
      'LAYOUT_VERSION',
      `the heap ${where} has layout version ${at(VERSION_OFFSET_BYTES)}; this code reads version ${LAYOUT_VERSION}`,
      base,
    )
  }
  if (Atomics.load(memory.i32, (base + READY_OFFSET_BYTES) >>> 2) !== 1) {
    throw new MemoryError(
      'NOT_A_HEAP',
      `the heap ${where} is still being created, or its creator died`,
      base,
    )
  }
  const end = at(CONTROL_END_OFFSET_BYTES)
  const sane =
    at(LENGTH_OFFSET_BYTES) <= byteLength &&
    end > base + SUPERBLOCK_BYTES &&
    end <= at(LENGTH_OFFSET_BYTES) &&
    at(CONTROL_TOP_OFFSET_BYTES) <= end &&
    at(ENTRIES_OFFSET_BYTES) <= DIRECTORY_ENTRIES
  if (!sane) {
    throw new MemoryError(
      'NOT_A_HEAP',
      `the superblock ${where} is damaged or the memory was cut: it names ${at(LENGTH_OFFSET_BYTES)} bytes ` +
        `and a control area up to ${hex(end)}`,
      base,
    )
  }
}

export function reserveControl(memory: Memory, name: string, bytes: number): Address {
  const { base, u32 } = memory
  requireOption(
    /^[\x21-\x7e]{1,16}$/.test(name),
    'name',
    name,
    '1 to 16 printable ASCII characters',
  )
  const count = u32[(base + ENTRIES_OFFSET_BYTES) >>> 2]
  const address = roundUp(u32[(base + CONTROL_TOP_OFFSET_BYTES) >>> 2], CONTROL_ALIGNMENT_BYTES)
  const end = u32[(base + CONTROL_END_OFFSET_BYTES) >>> 2]
  if (count === DIRECTORY_ENTRIES || address + bytes > end) {
    throw new MemoryError(
      'CONTROL_FULL',
      `no room for the ${bytes} control bytes of "${name}": ${end - address} bytes and ` +
        `${DIRECTORY_ENTRIES - count} entries are left; create the memory with more controlBytes`,
    )
  }
  if (lookUp(memory, name) !== 0) {
    throw new MemoryError('CONTROL_FULL', `there is already a control block "${name}"`)
  }
  const entry = base + DIRECTORY_OFFSET_BYTES + count * DIRECTORY_ENTRY_BYTES
  for (let i = 0; i < name.length; i++) memory.u8[entry + i] = name.charCodeAt(i)
  u32[(entry + NAME_BYTES) >>> 2] = address
  u32[(entry + NAME_BYTES + 4) >>> 2] = bytes
  memory.u8.fill(0, address, address + bytes)
  u32[(base + CONTROL_TOP_OFFSET_BYTES) >>> 2] = address + bytes
  u32[(base + ENTRIES_OFFSET_BYTES) >>> 2] = count + 1
  return address
}

export function hasControl(memory: Memory, name: string): boolean {
  return lookUp(memory, name) !== 0
}

export function findControl(memory: Memory, name: string): Address {
  const address = lookUp(memory, name)
  const end = memory.controlEnd
  if (address === 0) {
    throw new MemoryError('NOT_A_HEAP', `the heap has no layer "${name}": it is composed otherwise`)
  }
  if (address % 4 !== 0 || address < memory.base + SUPERBLOCK_BYTES || address >= end) {
    throw new MemoryError(
      'NOT_A_HEAP',
      `the directory entry of "${name}" is damaged: ${hex(address)}`,
    )
  }
  return address
}

/** @returns Address of the control block `name`, 0 when there is none. */
function lookUp(memory: Memory, name: string): Address {
  const { base, u8, u32 } = memory
  const count = Math.min(u32[(base + ENTRIES_OFFSET_BYTES) >>> 2], DIRECTORY_ENTRIES)
  for (let index = 0; index < count; index++) {
    const entry = base + DIRECTORY_OFFSET_BYTES + index * DIRECTORY_ENTRY_BYTES
    let same = true
    for (let i = 0; i < NAME_BYTES && same; i++) {
      same = u8[entry + i] === (i < name.length ? name.charCodeAt(i) : 0)
    }
    if (same) return u32[(entry + NAME_BYTES) >>> 2]
  }
  return 0
}
