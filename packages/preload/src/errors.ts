/**
 * The errors of this package. `code` is stable and meant for programs, `message` for people.
 */

/** What went wrong before a program ran; what goes wrong while it runs is in the report. */
export type PreloadErrorCode =
  /** The bytes are not a WebAssembly module, or a section of it does not parse. */
  | 'MALFORMED_WASM'
  /** A valid module, using something this package does not handle. */
  | 'UNSUPPORTED'
  /** The mode asked for is not safe for this module; the message gives the reason. */
  | 'NOT_REPLACEABLE'
  /** The module has no memory, so nothing to interpose. */
  | 'NO_MEMORY'
  /** A function named by hand does not exist or has the wrong type. */
  | 'BAD_FUNCTION'
  /** A file of maps that is none. */
  | 'BAD_MAPS'

/** A module could not be analysed, rewritten or instantiated. Nothing was changed. */
export class PreloadError extends Error {
  override readonly name = 'PreloadError'
  readonly code: PreloadErrorCode
  /** Byte offset in the module, -1 when the error concerns no byte. */
  readonly offset: number

  constructor(code: PreloadErrorCode, message: string, offset = -1) {
    super(offset < 0 ? message : `${message} (byte ${offset} of the module)`)
    this.code = code
    this.offset = offset
  }
}
