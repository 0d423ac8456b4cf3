/**
 * Encoders for the few things this package writes: LEB128 numbers, names, vectors and sections.
 */

const encoder = new TextEncoder()

/** Unsigned LEB128 in the fewest bytes. */
export function u32(value: number): number[] {
  const bytes: number[] = []
  let rest = value >>> 0
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return bytes
}

/** Unsigned LEB128 in exactly `width` bytes when it fits, more only when it must: keeps what follows in its place. */
export function u32Wide(value: number, width: number): number[] {
  const bytes = u32(value)
  if (bytes.length >= width) return bytes
  bytes[bytes.length - 1] |= 0x80
  while (bytes.length < width - 1) bytes.push(0x80)
  bytes.push(0)
  return bytes
}

/** Signed LEB128 of a small non-negative number. */
export function s32(value: number): number[] {
  const bytes = u32(value)
  if ((bytes[bytes.length - 1] & 0x40) === 0) return bytes
  bytes[bytes.length - 1] |= 0x80
  bytes.push(0)
  return bytes
}

/** A name: length, then UTF-8. */
export function text(name: string): number[] {
  const bytes = encoder.encode(name)
  return [...u32(bytes.length), ...bytes]
}

/** A section: id, byte length, content. */
export function section(
  id: number,
  ...parts: readonly ArrayLike<number>[]
): Uint8Array<ArrayBuffer> {
  const content = concatenate(parts)
  return concatenate([[id], u32(content.length), content])
}

export function concatenate(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const bytes = new Uint8Array(length)
  let position = 0
  for (const part of parts) {
    bytes.set(part, position)
    position += part.length
  }
  return bytes
}
