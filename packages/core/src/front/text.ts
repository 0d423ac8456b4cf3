/**
 * Strings in memory: UTF-8 with a final NUL byte, so that a WebAssembly program reads them as C strings.
 *
 * Browsers refuse shared views in `TextEncoder.encodeInto` and `TextDecoder`: text is encoded apart and copied in, and
 * copied out before it is decoded.
 */
import type { Memory } from '@vmalloc/memory'

const encoder: TextEncoder = new TextEncoder()
// Without ignoreBOM a leading U+FEFF would be lost.
const decoder: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * @returns The bytes of `text` and a NUL.
 * @throws TypeError when it is no string, RangeError when it holds U+0000, at which a reader would stop.
 */
export function encodeText(text: unknown): Uint8Array {
  if (typeof text !== 'string') throw new TypeError(`text is a ${typeof text}: it must be a string`)
  const nul = text.indexOf('\0')
  if (nul >= 0) {
    throw new RangeError(
      `text holds U+0000 at index ${nul}: a string in memory ends there; allocate bytes for such text`,
    )
  }
  return encoder.encode(`${text}\0`)
}

/** @param length - Bytes; all of them, NUL or not. */
export function decodeText(memory: Memory, address: number, length: number): string {
  const { u8, shared } = memory
  const end = address + length
  return decoder.decode(shared ? u8.slice(address, end) : u8.subarray(address, end))
}

/** Bytes before the first NUL, at most `room`. */
export function textLength(memory: Memory, address: number, room: number): number {
  const { u8 } = memory
  let length = 0
  while (length < room && u8[address + length] !== 0) length++
  return length
}
