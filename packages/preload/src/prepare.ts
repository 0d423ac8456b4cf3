/**
 * From a module's bytes to a rewritten module that says what was done to it, so that an instance can be equipped later,
 * in another thread or in another process.
 */
import { bytesOf, type ModuleBytes } from './analyse.ts'
import { PreloadError } from './errors.ts'
import { type Analysis, type FunctionsByHand, findFamily } from './find/find.ts'
import type { ResolvedOptions } from './options.ts'
import { type FunctionType, parseModule } from './wasm/module.ts'
import { PLAN_SECTION, rewriteModule } from './wasm/rewrite.ts'

/** What was done to a module. Kept in the custom section `vmalloc.preload`, as JSON. */
export interface Plan {
  readonly version: 1
  readonly mode: 'replace' | 'observe'
  readonly analysis: Analysis
  /** Types of the replaced functions, by slot. */
  readonly types: readonly FunctionType[]
  /** Where the memory is imported from; `null` when it is the module's own. */
  readonly memory: { readonly module: string; readonly name: string } | null
}

export interface Prepared {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly plan: Plan
}

const PLAN_VERSION = 1

/**
 * Analyses and rewrites.
 *
 * @throws {@link PreloadError} `NOT_REPLACEABLE` when the mode asked for is not safe, and what `analyse` throws.
 */
export function prepare(bytes: ModuleBytes, options: ResolvedOptions): Prepared {
  const module = parseModule(bytesOf(bytes))
  if (module.memories.length === 0) {
    throw new PreloadError('NO_MEMORY', 'not interposed: the module has no memory')
  }
  const analysis = findFamily(module, options.functions)
  const mode = chooseMode(analysis, options)
  const indices = analysis.functions.map(({ index }) => index)
  const types = indices.map((index) => module.types[module.functions[index]] as FunctionType)
  const memory = module.memories[0].imported
  const plan: Plan = { version: PLAN_VERSION, mode, analysis, types, memory }
  return { bytes: rewriteModule(module, indices, JSON.stringify(plan)), plan }
}

/** The plan of a module that was rewritten before, or `null`. */
export function planOf(module: WebAssembly.Module): Plan | null {
  const [found] = WebAssembly.Module.customSections(module, PLAN_SECTION)
  return found === undefined ? null : parsePlan(new Uint8Array(found))
}

function parsePlan(content: Uint8Array): Plan {
  try {
    const plan = JSON.parse(new TextDecoder().decode(content)) as Plan
    if (plan.version === PLAN_VERSION && Array.isArray(plan.types)) return plan
  } catch {
    // Falls through to the error: whatever it is, it is no plan.
  }
  throw new PreloadError('MALFORMED_WASM', `the section ${PLAN_SECTION} is not one of this version`)
}

function chooseMode(analysis: Analysis, options: ResolvedOptions): Plan['mode'] {
  const { verdict, reason } = analysis
  const { mode } = options
  if (verdict === 'refuse' || mode === 'off') {
    throw new PreloadError(
      'NOT_REPLACEABLE',
      `not interposed: ${verdict === 'refuse' ? reason : 'mode is off'}`,
    )
  }
  if (mode === 'replace' && verdict !== 'replace' && !namedByHand(options.functions)) {
    throw new PreloadError(
      'NOT_REPLACEABLE',
      `not safe to replace: ${reason}. Observe it, or name malloc and free by hand if you know better`,
    )
  }
  return mode === 'auto' ? verdict : mode
}

/** Whoever names both functions and asks for `replace` vouches for what the closure check cannot see. */
function namedByHand(functions: FunctionsByHand): boolean {
  return functions.malloc !== undefined && functions.free !== undefined
}
