/** Bytes of modules: whether a value has any, and which module they are. */

/** The bytes of a module, however they are held. */
export type ModuleBytes = ArrayBuffer | ArrayBufferView

const lengthOfBuffer = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get

/** Whether the engine takes it for the bytes of a module. Buffers of other realms are buffers, so `instanceof` will not do. */
export function isModuleBytes(source: unknown): source is ModuleBytes {
  if (ArrayBuffer.isView(source)) return true
  try {
    lengthOfBuffer?.call(source)
    return true
  } catch {
    return false
  }
}

/** The bytes as one view, not copied. */
export function bytesOf(bytes: ModuleBytes): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes)
}

/** @throws TypeError for anything but bytes. */
export function requireModuleBytes(source: unknown, where: string): Uint8Array {
  if (isModuleBytes(source)) return bytesOf(source)
  throw new TypeError(`${where}: the module must be an ArrayBuffer or a view of one`)
}

/** What tells modules apart: two 32-bit hashes of different kinds, and the length. */
export interface Digest {
  /** FNV-1a, 8 hexadecimal digits: what people see. */
  readonly hash: string
  /** Hash, a second hash and length: equal for the same bytes, different for others but for one case in 2^64. */
  readonly key: string
}

/** Cost: about 2 ms a megabyte. */
export function digestOf(bytes: Uint8Array): Digest {
  let one = 0x811c9dc5
  let two = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    one = Math.imul(one ^ byte, 0x01000193)
    two = (Math.imul(two, 31) + byte) | 0
    two ^= two >>> 15
  }
  const hash = hex(one)
  return { hash, key: `${bytes.length}-${hash}-${hex(two)}` }
}

function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, '0')
}
