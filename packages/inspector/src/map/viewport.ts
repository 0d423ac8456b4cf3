/**
 * Which addresses the map shows, and where: lines of text, so to speak, from left to right and top to bottom.
 *
 *     address = start + (row * width + x) * scale        scale in bytes per pixel
 *
 * Zooming keeps the address under the pointer where it is.
 */

/** Pixels from one row to the next. */
export const ROW_PITCH = 18
/** Pixels of a row that are drawn. */
export const ROW_HEIGHT = 15
/** So deep one byte is 24 pixels wide. */
const MIN_SCALE = 1 / 24

export class Viewport {
  /** First address shown; may be a fraction. */
  start = 0
  /** Bytes per pixel. */
  scale = 1
  /** Pixels. */
  width = 1
  rows = 1
  /** Where the address space ends. */
  end = 1
  /** Whether everything is shown, and shall be when the heap grows. */
  fitted = true

  resize(width: number, height: number): void {
    this.width = Math.max(1, Math.floor(width))
    this.rows = Math.max(1, Math.floor((height + ROW_PITCH - ROW_HEIGHT) / ROW_PITCH))
    this.#settle()
  }

  setEnd(end: number): void {
    this.end = Math.max(1, end)
    this.#settle()
  }

  fit(): void {
    this.fitted = true
    this.#settle()
  }

  /** Address at a pixel. */
  addressAt(x: number, y: number): number {
    const row = Math.min(this.rows - 1, Math.max(0, Math.floor(y / ROW_PITCH)))
    return this.start + (row * this.width + x) * this.scale
  }

  /** @param factor - Below 1: closer. */
  zoom(factor: number, x: number, y: number): void {
    const anchor = this.addressAt(x, y)
    const scale = Math.max(MIN_SCALE, Math.min(this.#fitScale(), this.scale * factor))
    this.fitted = scale >= this.#fitScale()
    const pixels = Math.max(0, Math.floor(y / ROW_PITCH)) * this.width + x
    this.scale = scale
    this.start = anchor - pixels * scale
    this.#settle()
  }

  pan(bytes: number): void {
    if (this.fitted) return
    this.start += bytes
    this.#settle()
  }

  /** Zooms so that `length` bytes from `address` on take about a row, in the middle of the map. */
  show(address: number, length: number): void {
    this.fitted = false
    this.scale = Math.max(MIN_SCALE, Math.min(this.#fitScale(), (length * 1.25) / this.width))
    const before = (Math.floor(this.rows / 2) + 0.1) * this.width * this.scale
    this.start = address - before
    this.#settle()
  }

  /** Moves, without zooming, so that an address is on the map. */
  reveal(address: number): void {
    if (address >= this.start && address < this.start + this.span) return
    this.start = address - this.span / 2
    this.#settle()
  }

  /** Bytes on the map. */
  get span(): number {
    return this.rows * this.width * this.scale
  }

  #fitScale(): number {
    return Math.max(MIN_SCALE, this.end / (this.width * this.rows))
  }

  #settle(): void {
    if (this.fitted) this.scale = this.#fitScale()
    this.scale = Math.min(this.scale, this.#fitScale())
    this.start = Math.max(0, Math.min(this.start, this.end - this.span))
  }
}
