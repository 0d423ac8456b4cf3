/**
 * A cursor over the bytes of a module. Every read is bounds-checked against the end of the enclosing section, and every
 * LEB128 number against its widest legal encoding, so that garbage ends in a `MALFORMED_WASM` error and never in a hang.
 */
import { PreloadError } from '../errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

export class ByteReader {
  readonly bytes: Uint8Array
  position: number
  readonly end: number

  constructor(bytes: Uint8Array, position = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  get done(): boolean {
    return this.position >= this.end
  }

  fail(what: string, at: number = this.position): never {
    throw new PreloadError('MALFORMED_WASM', what, at)
  }

  byte(): number {
    if (this.position >= this.end) this.fail('unexpected end')
    return this.bytes[this.position++]
  }

  /** Unsigned 32-bit LEB128: at most five bytes, the fifth at most 0x0f. */
  u32(): number {
    const first = this.position < this.end ? this.bytes[this.position] : 0x80
    if (first < 0x80) {
      this.position++
      return first
    }
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      if (shift === 28 && byte > 0x0f)
        this.fail('a number has more than 32 bits', this.position - 1)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    return this.fail('a number has more than five bytes')
  }

  /** Signed 32-bit LEB128, sign-extended. */
  s32(): number {
    let value = 0
    let shift = 0
    for (;;) {
      const byte = this.byte()
      if (shift === 28 && byte !== (byte & 0x0f) && byte !== (byte | 0x70)) {
        this.fail('a signed number has more than 32 bits', this.position - 1)
      }
      value |= (byte & 0x7f) << shift
      shift += 7
      if (byte < 0x80) return shift < 32 && (byte & 0x40) !== 0 ? value | (-1 << shift) : value
      if (shift >= 35) this.fail('a signed number has more than five bytes')
    }
  }

  /** Steps over a LEB128 number of at most `maximumBytes` bytes whose value nobody needs. */
  skipLeb(maximumBytes: number): void {
    for (let count = 0; count < maximumBytes; count++) if (this.byte() < 0x80) return
    this.fail(`a number has more than ${maximumBytes} bytes`)
  }

  /** Unsigned LEB128 of at most 64 bits, as a number: exact up to 2^53. */
  size(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return this.fail('a number has more than ten bytes')
  }

  skip(count: number): void {
    if (count > this.end - this.position) this.fail(`${count} bytes announced, fewer left`)
    this.position += count
  }

  text(): string {
    const length = this.u32()
    const start = this.position
    this.skip(length)
    try {
      return utf8.decode(this.bytes.subarray(start, this.position))
    } catch {
      return this.fail('a name is not UTF-8', start)
    }
  }

  /** A vector's length, refused when even one byte per element would not fit in what is left. */
  count(what: string): number {
    const at = this.position
    const count = this.u32()
    if (count > this.end - this.position)
      this.fail(`${count} ${what} announced, too few bytes left`, at)
    return count
  }
}
