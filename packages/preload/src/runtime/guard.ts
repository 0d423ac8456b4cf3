/**
 * The `debug` preset's guard: every byte between what was asked for and what the block has is filled and checked, and
 * the block remembers its size and where it was allocated.
 *
 *     payload                                                        payload + usable
 *     | asked for bytes | 0xFA ... 0xFA | site (4) | asked for (4) |
 */
import { HeapCorruptionError } from '@vmalloc/core'
import type { Address, Memory } from '@vmalloc/memory'

/** Bytes a guarded block needs on top of what was asked for. */
export const GUARD_BYTES = 8
const FILL = 0xfa

/** Usable bytes of a payload marked by `ProgramMark`, by the word before it. */
export function usableBytes(memory: Memory, payload: Address): number {
  return (memory.u32[(payload - 4) >>> 2] & ~7) - 4
}

/** Puts the guard on a payload. */
export function stamp(memory: Memory, payload: Address, asked: number, site: number): void {
  const { u8, u32 } = memory
  const end = payload + usableBytes(memory, payload)
  u32[(end - 4) >>> 2] = asked
  u32[(end - 8) >>> 2] = site
  const slackEnd = end - GUARD_BYTES
  for (let address = payload + asked; address < slackEnd; address++) u8[address] = FILL
}

/** Bytes asked for. Valid for a payload whose marks are sound and that {@link verifyGuard} passed. */
export function askedBytes(memory: Memory, payload: Address): number {
  return memory.u32[(payload + usableBytes(memory, payload) - 4) >>> 2]
}

/** Number of the allocation's stack. Valid as {@link askedBytes}. */
export function siteOf(memory: Memory, payload: Address): number {
  return memory.u32[(payload + usableBytes(memory, payload) - 8) >>> 2]
}

/**
 * Checks the guard of a payload whose marks are sound.
 *
 * @throws {@link HeapCorruptionError} `OVERFLOW`; the offset counts from the end of the bytes asked for.
 */
export function verifyGuard(memory: Memory, payload: Address): void {
  const { u8, u32 } = memory
  const usable = usableBytes(memory, payload)
  const end = payload + usable
  const asked = u32[(end - 4) >>> 2]
  if (asked > usable - GUARD_BYTES) {
    throw new HeapCorruptionError('OVERFLOW', payload, {
      size: usable - GUARD_BYTES,
      hint: 'the guard itself was overwritten, so the size asked for is not known any more',
    })
  }
  for (let address = payload + asked; address < end - GUARD_BYTES; address++) {
    if (u8[address] === FILL) continue
    throw new HeapCorruptionError('OVERFLOW', payload, {
      size: asked,
      offset: address - payload - asked,
      expected: FILL,
      found: u8[address],
    })
  }
}
