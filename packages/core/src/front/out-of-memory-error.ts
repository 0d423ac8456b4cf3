/** The error of functions that hand out an object: a handle cannot be 0. */

/** There is no room. Nothing changed. Functions that return an address return 0 instead. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError'
  readonly code = 'OUT_OF_MEMORY'
  /** Bytes asked for. */
  readonly size: number

  constructor(size: number) {
    super(`no room for ${size} bytes: free something, or create the heap with a larger maximum`)
    this.size = size
  }
}
