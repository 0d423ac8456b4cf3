/**
 * The control block "settings": what the creator of a heap chose and every attacher must agree on.
 *
 *     + 0  magic "SETT"      + 4  layout version     + 8  flags: 1 wipe on allocation, 2 wipe on free,
 *                                                                  4 footers name owners
 *     +12  soft limit, 0 for none                    +16  first large size, bytes
 *     +20  number of pools   +24  their payloads, bytes, 8 words
 *     +56  check word of all above: written once, never changed
 *
 * The geometry of each layer (granule, regions, refills) lies in the layer's own control block.
 */
import { type Address, type Memory, MemoryError } from '@vmalloc/memory'

const NAME = 'settings'
const MAGIC = 0x54544553
const VERSION = 1
export const SETTINGS_BYTES = 60
/** So many pools a preset can have: the directory of the memory holds no more layers. */
export const MAX_POOLS = 8

/** The most that these sizes can be: nothing is dimensioned by a word that was not looked at. */
export const MAX_POOL_PAYLOAD_BYTES = 1024
export const MAX_LARGE_FROM_BYTES: number = 2 ** 29

/** Flags. */
export const ZERO_ON_ALLOC = 1
export const ZERO_ON_FREE = 2
export const OWNER_TAGS = 4

/** Word offsets. */
const FLAGS = 2
const SOFT_LIMIT = 3
const LARGE_FROM = 4
const POOLS = 5
const PAYLOADS = 6
const CHECK = 14

/** What holds for the whole heap, whatever it is composed of. */
export interface Settings {
  readonly flags: number
  /** Bytes, 0 for none. */
  readonly softLimit: number
}

/** What tells a tuned preset from another. */
export interface Classes {
  /** Payload bytes of each pool, rising. */
  readonly pools: readonly number[]
  readonly largeFrom: number
}

export function writeSettings(memory: Memory, { flags, softLimit }: Settings): void {
  const slots = memory.reserveControl(NAME, SETTINGS_BYTES) >>> 2
  const { u32 } = memory
  u32[slots + FLAGS] = flags
  u32[slots + SOFT_LIMIT] = softLimit
  u32[slots + 1] = VERSION
  u32[slots] = MAGIC
  u32[slots + CHECK] = checkOf(memory, slots)
}

/** @throws MemoryError `NOT_A_HEAP` when the block is damaged. */
export function readSettings(memory: Memory): Settings {
  const { u32 } = memory
  const slots = soundSlotsOf(memory)
  return { flags: u32[slots + FLAGS], softLimit: u32[slots + SOFT_LIMIT] }
}

export function writeClasses(memory: Memory, { pools, largeFrom }: Classes): void {
  const { u32 } = memory
  const slots = slotsOf(memory)
  u32[slots + LARGE_FROM] = largeFrom
  u32[slots + POOLS] = pools.length
  u32.set(pools, slots + PAYLOADS)
  u32[slots + CHECK] = checkOf(memory, slots)
}

/** @throws MemoryError `NOT_A_HEAP` when the block is damaged. */
export function readClasses(memory: Memory): Classes {
  const { u32 } = memory
  const slots = soundSlotsOf(memory)
  const count = u32[slots + POOLS]
  const pools = Array.from(
    u32.subarray(slots + PAYLOADS, slots + PAYLOADS + Math.min(count, MAX_POOLS)),
  )
  const rising = pools.every(
    (bytes, i) => bytes > (pools[i - 1] ?? 0) && bytes <= MAX_POOL_PAYLOAD_BYTES,
  )
  const largeFrom = u32[slots + LARGE_FROM]
  const sane = rising && largeFrom > (pools.at(-1) ?? 0) && largeFrom <= MAX_LARGE_FROM_BYTES
  if (count > MAX_POOLS || !sane) fail(slots * 4)
  return { pools, largeFrom }
}

function slotsOf(memory: Memory): number {
  const address = memory.findControl(NAME)
  const slots = address >>> 2
  if (memory.u32[slots] !== MAGIC || memory.u32[slots + 1] !== VERSION) fail(address)
  return slots
}

/** @returns Word index of a block that is as it was written. */
function soundSlotsOf(memory: Memory): number {
  const slots = slotsOf(memory)
  if (memory.u32[slots + CHECK] !== checkOf(memory, slots)) fail(slots * 4)
  return slots
}

function checkOf(memory: Memory, slots: number): number {
  let x = memory.secret | 0
  for (let i = 0; i < CHECK; i++) {
    x = Math.imul(x ^ memory.u32[slots + i], 0x9e3779b1)
    x ^= x >>> 15
  }
  return x >>> 0
}

function fail(address: Address): never {
  throw new MemoryError('NOT_A_HEAP', 'the control block of the settings is damaged', address)
}
