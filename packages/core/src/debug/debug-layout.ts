/**
 * The control block "debug": what the threads of a guarded heap share.
 *
 *     + 0  magic "DEBG"      + 4  layout version
 *     + 8  allocations so far              +12  frees so far
 *     +16  operations since the last periodic check
 *     +20  operations between two checks, 0 for never       +24  flags: 1 traces
 *     +28  one allocation in so many is guarded
 *     quarantine:
 *     +32  the most blocks   +36  the most bytes   +40  blocks now   +44  bytes now
 *     +48  index of the oldest   +52  address of the ring: one word for each block, oldest first
 */
import { type Address, type Memory, MemoryError, type PageSource } from '@vmalloc/memory'
import { type DebugSettings, MAX_QUARANTINE_BLOCKS } from './debug-options.ts'

const NAME = 'debug'
const MAGIC = 0x47424544
const VERSION = 1
export const DEBUG_CONTROL_BYTES = 64

/** Word offsets. */
export const ALLOCATIONS = 2
export const FREES = 3
export const SINCE_CHECK = 4
const CHECK_EVERY = 5
const FLAGS = 6
const SAMPLE_EVERY = 7
const MAX_BLOCKS = 8
const MAX_BYTES = 9
export const HELD_BLOCKS = 10
export const HELD_BYTES = 11
export const OLDEST = 12
export const RING = 13

const TRACES_FLAG = 1

/** Formats the control block, and the ring on pages of its own. @throws MemoryError when there is no room for it. */
export function createDebugControl(
  memory: Memory,
  source: PageSource,
  settings: DebugSettings,
): void {
  const slots = memory.reserveControl(NAME, DEBUG_CONTROL_BYTES) >>> 2
  const { quarantine, traces, checkEvery, sampleEvery } = settings
  const ring = quarantine.blocks === 0 ? 0 : source.allocate(quarantine.blocks * 4)
  if (ring === 0 && quarantine.blocks > 0) {
    throw new MemoryError(
      'BAD_MEMORY',
      `the memory has no room for a quarantine of ${quarantine.blocks} blocks`,
    )
  }
  const { u32 } = memory
  u32[slots + CHECK_EVERY] = checkEvery
  u32[slots + FLAGS] = traces ? TRACES_FLAG : 0
  u32[slots + SAMPLE_EVERY] = sampleEvery
  u32[slots + MAX_BLOCKS] = quarantine.blocks
  u32[slots + MAX_BYTES] = quarantine.bytes
  u32[slots + RING] = ring
  u32[slots + 1] = VERSION
  u32[slots] = MAGIC
}

/** @returns Word index of the control block. @throws MemoryError `NOT_A_HEAP` when it is damaged. */
export function findDebugControl(memory: Memory): number {
  const address: Address = memory.findControl(NAME)
  const slots = address >>> 2
  const { u32, byteLength } = memory
  const sane =
    u32[slots] === MAGIC &&
    u32[slots + 1] === VERSION &&
    u32[slots + RING] % 4 === 0 &&
    u32[slots + MAX_BLOCKS] <= MAX_QUARANTINE_BLOCKS &&
    u32[slots + RING] + u32[slots + MAX_BLOCKS] * 4 <= byteLength &&
    u32[slots + SAMPLE_EVERY] > 0
  if (!sane) {
    throw new MemoryError('NOT_A_HEAP', 'the control block of the debugger is damaged', address)
  }
  return slots
}

/** What the creator chose. */
export function readDebugSettings(memory: Memory): DebugSettings {
  const slots = findDebugControl(memory)
  const { u32 } = memory
  return {
    quarantine: { blocks: u32[slots + MAX_BLOCKS], bytes: u32[slots + MAX_BYTES] },
    traces: (u32[slots + FLAGS] & TRACES_FLAG) !== 0,
    checkEvery: u32[slots + CHECK_EVERY],
    sampleEvery: u32[slots + SAMPLE_EVERY],
  }
}
