/** `rewrite`: a module ahead of time. */
import { type ModuleBytes, requireModuleBytes } from './content.ts'
import { PreloadError } from './errors.ts'
import type { Analysis } from './find/analysis.ts'
import { type PreloadOptions, resolveOptions } from './options.ts'
import { prepareModule } from './prepare.ts'
import { parseModule } from './wasm/module.ts'

/** A module that has been rewritten, and how. */
export interface RewriteResult {
  /** The rewritten module. It runs under `instantiate` or an installed hook, which fill its table. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly mode: 'replace' | 'observe'
  readonly analysis: Analysis
}

/**
 * Rewrites a module, to be stored and run later. The rewritten module says in a custom section what was done to it.
 *
 * @throws {@link PreloadError} as `instantiate`; `MALFORMED_WASM` also when the engine does not accept the module.
 */
export function rewrite(source: ModuleBytes, options: PreloadOptions = {}): RewriteResult {
  const resolved = resolveOptions(options, 'rewrite')
  const module = parseModule(requireModuleBytes(source, 'rewrite'))
  const { bytes, plan } = prepareModule(module, resolved)
  if (!WebAssembly.validate(bytes)) {
    throw new PreloadError(
      'MALFORMED_WASM',
      'the module is not valid: its code does not pass the checks of the engine',
    )
  }
  return { bytes, mode: plan.mode, analysis: plan.analysis }
}
