/** Copying and clearing by words: a payload of our heap has a multiple of 4 bytes, and most are short. */
import type { Address, Memory } from '@vmalloc/memory'

/** Up to here a loop beats the call of `fill` and `copyWithin`. */
const SHORT_BYTES = 128

/** Zeroes `bytes` bytes, rounded up to whole words. */
export function clearWords({ u32 }: Memory, address: Address, bytes: number): void {
  const first = address >>> 2
  const end = (address + bytes + 3) >>> 2
  if (bytes > SHORT_BYTES) u32.fill(0, first, end)
  else for (let index = first; index < end; index++) u32[index] = 0
}

/** Copies `bytes` bytes, rounded up to whole words, from one payload to another. */
export function copyWords({ u8, u32 }: Memory, from: Address, to: Address, bytes: number): void {
  if (bytes > SHORT_BYTES) {
    u8.copyWithin(to, from, from + bytes)
    return
  }
  const distance = (to - from) / 4
  const end = (from + bytes + 3) >>> 2
  for (let index = from >>> 2; index < end; index++) u32[index + distance] = u32[index]
}
