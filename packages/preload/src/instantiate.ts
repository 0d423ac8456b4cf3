/** `instantiate`: one module, explicitly, on vmalloc. */
import type { Heap, HeapMap } from '@vmalloc/core'
import { type ModuleBytes, requireModuleBytes } from './content.ts'
import { engine } from './engine.ts'
import { PreloadError } from './errors.ts'
import type { Analysis } from './find/analysis.ts'
import { type PreloadOptions, resolveOptions } from './options.ts'
import { planFor, planOf, prepareModule, wasRewritten } from './prepare.ts'
import type { Report } from './runtime/report.ts'
import { equip } from './session.ts'
import { parseModule } from './wasm/module.ts'

/** What {@link instantiate} gives. */
export interface Preloaded {
  /** The rewritten module. */
  readonly module: WebAssembly.Module
  readonly instance: WebAssembly.Instance
  readonly analysis: Analysis
  /** `replace` or `observe`: what was done. */
  readonly mode: 'replace' | 'observe'
  /**
   * The program's heap, `null` in observe mode: there the original allocates.
   *
   * A getter. Asking makes the heap, with pages from the program's own allocator. Some programs set that allocator up in
   * a constructor that their glue calls after instantiation, emmalloc's for one: a heap made earlier would take
   * pages from an allocator that does not know its own memory. There it is `null` until the program's first request,
   * so that `const { heap } = ...` keeps the `null`: ask the object itself, `preloaded.heap`, when the program runs.
   */
  readonly heap: Heap | null
  /** What every byte of the heap is, for pictures; in observe mode the blocks seen. `null` where there is no heap yet. */
  readonly map: () => HeapMap | null
  /** What was found so far. */
  readonly report: () => Report
  /** The calls so far as the bytes of an `.mtr` file; `null` unless the option `record` was given. */
  readonly trace: () => Uint8Array | null
}

/**
 * Instantiates a module with its malloc family replaced, or observed.
 *
 * @param source - Bytes of a module, rewritten before or not.
 * @throws {@link PreloadError} as `analyse`, and `NOT_REPLACEABLE` with the reason when the verdict does not allow the
 * mode. What the engine throws, passes through: CompileError, LinkError, RuntimeError.
 *
 * @example
 * ```ts
 * const { instance, heap, report } = await instantiate(bytes, imports, { preset: 'debug' })
 * ```
 */
export async function instantiate(
  source: ModuleBytes,
  imports?: WebAssembly.Imports,
  options: PreloadOptions = {},
): Promise<Preloaded> {
  const resolved = resolveOptions(options, 'instantiate')
  const given = requireModuleBytes(source, 'instantiate') as Uint8Array<ArrayBuffer>
  const before = wasRewritten(given) ? planOf(await compile(given)) : null
  const { bytes, plan } =
    before === null
      ? prepareModule(parseModule(given), resolved)
      : { bytes: given, plan: planFor(before, resolved.mode) }
  const module = await compile(bytes)
  const instance = await engine.instantiate(module, imports)
  const session = equip(instance, plan, imports, resolved)
  if (session instanceof Error) throw session
  return {
    module,
    instance,
    analysis: plan.analysis,
    mode: plan.mode,
    get heap() {
      return session.heap
    },
    map: session.map,
    report: session.report,
    trace: session.trace,
  }
}

async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await engine.compile(bytes)
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error
    throw new PreloadError(
      'MALFORMED_WASM',
      `the engine does not take the module: ${error.message}`,
    )
  }
}
