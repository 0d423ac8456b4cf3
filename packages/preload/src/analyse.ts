/** From bytes to a verdict. */
import { requireKnownOptions } from '@vmalloc/memory'
import { type ModuleBytes, requireModuleBytes } from './content.ts'
import type { Analysis, FunctionsByHand } from './find/analysis.ts'
import { familyOf } from './find/known-families.ts'
import { requireFunctions } from './options.ts'
import { parseModule } from './wasm/module.ts'

/** What is known about a module beforehand. */
export interface AnalyseOptions {
  /** Functions named by hand, for modules whose family cannot be found. */
  readonly functions?: FunctionsByHand
}

/**
 * Finds the malloc family of a module and says what may be done with it.
 *
 * @throws {@link PreloadError} `MALFORMED_WASM`, `UNSUPPORTED` or `BAD_FUNCTION`; TypeError or RangeError for a wrong argument.
 * Cost: about 15 ms per megabyte to read, and the compilation of the parts that the probes run; a module seen before costs
 * 2 ms per megabyte.
 */
export function analyse(bytes: ModuleBytes, options: AnalyseOptions = {}): Analysis {
  requireKnownOptions(options, ['functions'], 'analyse')
  const { functions = {} } = options
  requireFunctions(functions)
  return familyOf(parseModule(requireModuleBytes(bytes, 'analyse')), functions)
}
