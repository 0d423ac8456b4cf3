/**
 * The `debug` preset's guard: every byte between what was asked for and the end of the payload is filled, and checked.
 * What was asked for is remembered elsewhere, where no overflow reaches it.
 *
 *     payload                                          payload + usable
 *     | asked for bytes | 0xFA ... 0xFA, 8 at the least | footer ...
 */
import type { Address, Memory } from '@vmalloc/memory'

/** Bytes a guarded block needs on top of what was asked for. */
export const GUARD_BYTES = 8
/** What guard bytes hold. */
export const FILL = 0xfa
const FILL_WORD = 0xfafafafa
/** Up to here a loop beats the call of `fill`. */
const SHORT_WORDS = 32

/** Usable bytes of a payload marked by `ProgramMark`, by the word before it. */
export function usableBytes(memory: Memory, payload: Address): number {
  return (memory.u32[(payload - 4) >>> 2] & ~7) - 4
}

/** Fills the guard of a payload. Whole words: a payload has a multiple of 4 bytes. */
export function stamp(memory: Memory, payload: Address, asked: number): void {
  const { u32 } = memory
  const shift = (asked & 3) * 8
  const end = (payload + usableBytes(memory, payload)) >>> 2
  let index = (payload + asked) >>> 2
  if (shift !== 0) {
    u32[index] = (u32[index] & ~(-1 << shift)) | (FILL_WORD << shift)
    index++
  }
  if (end - index > SHORT_WORDS) u32.fill(FILL_WORD, index, end)
  else for (; index < end; index++) u32[index] = FILL_WORD
}

/** @returns Whether the guard of a payload is whole. Marks that are not sound make it `false`, or are for others to find. */
export function guardIsWhole(memory: Memory, payload: Address, asked: number): boolean {
  const { u32 } = memory
  const end = (payload + usableBytes(memory, payload)) >>> 2
  let index = (payload + asked) >>> 2
  if ((u32[index] ^ FILL_WORD) >>> ((asked & 3) * 8) !== 0) return false
  for (index++; index < end; index++) if (u32[index] !== FILL_WORD) return false
  return true
}

/** Address of the first damaged byte of a payload's guard, 0 when there is none. Valid for sound headers only. */
export function firstDamagedByte(memory: Memory, payload: Address, asked: number): Address {
  const end = payload + usableBytes(memory, payload)
  for (let address = payload + asked; address < end; address++) {
    if (memory.u8[address] !== FILL) return address
  }
  return 0
}
