/** The bytes on the map at the deepest zoom: asked for once for a stretch, drawn when they are there. */
import type { BytesOf } from '../sources/source.ts'

interface Stretch {
  readonly address: number
  readonly bytes: Uint8Array
}

export class ByteWindow {
  readonly #arrived: () => void
  #bytesOf: BytesOf | undefined
  #held: Stretch | undefined
  /** What is under way: at most one request. */
  #asked = false
  #stale = false

  /** @param arrived - There is something new to draw. */
  constructor(arrived: () => void) {
    this.#arrived = arrived
  }

  /** The heap may have changed: what is held is shown until newer bytes are there. */
  renew(bytesOf: BytesOf): void {
    if (bytesOf !== this.#bytesOf) this.#held = undefined
    this.#bytesOf = bytesOf
    this.#stale = true
  }

  /** @returns The bytes from `address` on, or nothing while they are under way. */
  get(address: number, length: number): Uint8Array | undefined {
    const held = this.#held
    const offset = held === undefined ? -1 : address - held.address
    const covers = held !== undefined && offset >= 0 && offset + length <= held.bytes.length
    if (!covers || this.#stale) this.#ask(address, length)
    return covers ? held.bytes.subarray(offset, offset + length) : undefined
  }

  #ask(address: number, length: number): void {
    const bytesOf = this.#bytesOf
    if (bytesOf === undefined || this.#asked) return
    this.#asked = true
    this.#stale = false
    const done = (bytes: Uint8Array): void => {
      this.#asked = false
      if (bytesOf !== this.#bytesOf) return
      // At the end of the memory there are fewer: the rest is as good as known.
      const padded = new Uint8Array(length)
      padded.set(bytes.subarray(0, length))
      this.#held = { address, bytes: padded }
      this.#arrived()
    }
    // A source that has ended says so elsewhere.
    bytesOf(address, length).then(done, () => done(new Uint8Array(0)))
  }
}
