/**
 * The original bodies of the replaced functions, and the way into them.
 *
 * An original may call others of the family by index, and so come back through a hook. While one runs, hooks must pass
 * every call on to the originals: `inside` says so.
 */

/** A WebAssembly function over numbers. */
export type NumberFunction = (...values: number[]) => number | undefined

export class Originals {
  /** Number of originals that are running. */
  inside = 0

  /** Calls an original; traps and exceptions of the program pass through. */
  call(original: NumberFunction, first = 0, second = 0, third = 0): number {
    this.inside++
    try {
      return (original(first, second, third) ?? 0) >>> 0
    } finally {
      this.inside--
    }
  }
}
