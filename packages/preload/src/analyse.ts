/** From bytes to a verdict. */
import { type Analysis, type FunctionsByHand, findFamily } from './find/find.ts'
import { parseModule } from './wasm/module.ts'

/** What is known about a module beforehand. */
export interface AnalyseOptions {
  /** Functions named by hand, for modules whose family cannot be found. */
  readonly functions?: FunctionsByHand
}

/** The bytes of a module, however they are held. */
export type ModuleBytes = ArrayBuffer | ArrayBufferView

/**
 * Finds the malloc family of a module and says what may be done with it.
 *
 * @throws {@link PreloadError} `MALFORMED_WASM`, `UNSUPPORTED` or `BAD_FUNCTION`. Cost: about 15 ms per megabyte to read, and one
 * compilation of the module for the probe.
 */
export function analyse(bytes: ModuleBytes, options: AnalyseOptions = {}): Analysis {
  return findFamily(parseModule(bytesOf(bytes)), options.functions)
}

/** The bytes as one view, not copied. */
export function bytesOf(bytes: ModuleBytes): Uint8Array {
  return ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes)
}
