/** The one error of trace reading: what is wrong with the file, in one line. */

/** What is wrong with a trace. Stable, meant for programs. */
export type TraceErrorCode =
  /** The file cannot be opened or read. */
  | 'UNREADABLE'
  /** The gzip wrapping is damaged or ends too early. */
  | 'BAD_GZIP'
  /** The bytes do not begin with the magic of the format. */
  | 'NOT_A_TRACE'
  /** Fewer or more bytes than the header announces. */
  | 'LENGTH'
  /** A header field that no trace can have, or that its operations contradict. */
  | 'BAD_HEADER'
  /** An operation that breaks a rule of the format. */
  | 'BAD_OPERATION'

/** A trace file, or bytes said to be one, that break a rule of the format. Nothing of it was used. */
export class TraceError extends Error {
  override readonly name = 'TraceError'
  readonly code: TraceErrorCode
  /** Index of the operation concerned, -1 when the error is not about one. */
  readonly operation: number

  constructor(code: TraceErrorCode, message: string, operation = -1) {
    super(message)
    this.code = code
    this.operation = operation
  }
}

/** The same error with the file's name in front: what a person who passed several files needs. */
export function inFile(file: string, error: TraceError): TraceError {
  return new TraceError(error.code, `${file}: ${error.message}`, error.operation)
}
