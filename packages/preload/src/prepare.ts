/**
 * From a module's bytes to a rewritten module that says what was done to it, so that an instance can be equipped later,
 * in another thread or in another process.
 */
import { engine } from './engine.ts'
import { PreloadError } from './errors.ts'
import type { Analysis } from './find/analysis.ts'
import { familyOf } from './find/known-families.ts'
import type { PreloadMode, ResolvedOptions } from './options.ts'
import type { FunctionType, Module } from './wasm/module.ts'
import { EXPORT_TABLE, PLAN_SECTION, rewriteModule } from './wasm/rewrite.ts'

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
 * @param key - Of the module's digest, where that was made before.
 * @throws {@link PreloadError} `NOT_REPLACEABLE` when the mode asked for is not safe, and what `analyse` throws.
 */
export function prepareModule(module: Module, options: ResolvedOptions, key?: string): Prepared {
  if (module.memories.length === 0) {
    throw new PreloadError('NO_MEMORY', 'not interposed: the module has no memory')
  }
  const analysis = familyOf(module, options.functions, key)
  const mode = chooseMode(analysis, options.mode)
  const indices = analysis.functions.map(({ index }) => index)
  const types = indices.map((index) => module.types[module.functions[index]] as FunctionType)
  const memory = module.memories[0].imported
  const plan: Plan = { version: PLAN_VERSION, mode, analysis, types, memory }
  return { bytes: rewriteModule(module, indices, JSON.stringify(plan)), plan }
}

/** The plan of a module that was rewritten before, or `null`. */
export function planOf(module: WebAssembly.Module): Plan | null {
  const [found] = engine.Module.customSections(module, PLAN_SECTION)
  return found === undefined ? null : parsePlan(new Uint8Array(found))
}

/**
 * The plan to run a module by that was rewritten before: the bytes are the same whatever they were rewritten for.
 *
 * @throws {@link PreloadError} `NOT_REPLACEABLE` when the mode asked for now is not safe.
 */
export function planFor(plan: Plan, mode: PreloadMode): Plan {
  return mode === 'auto' ? plan : { ...plan, mode: chooseMode(plan.analysis, mode) }
}

/** Whether the name of the hook table occurs in the bytes: a cheap question before a parse. */
export function wasRewritten(bytes: Uint8Array): boolean {
  const name = new TextEncoder().encode(EXPORT_TABLE)
  for (let at = bytes.indexOf(name[0]); at >= 0; at = bytes.indexOf(name[0], at + 1)) {
    if (name.every((byte, index) => bytes[at + index] === byte)) return true
  }
  return false
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

function chooseMode(analysis: Analysis, mode: PreloadMode): Plan['mode'] {
  const { verdict, reason } = analysis
  if (verdict === 'refuse') throw new PreloadError('NOT_REPLACEABLE', `not interposed: ${reason}`)
  if (mode === 'replace' && verdict !== 'replace' && !namedByHand(analysis)) {
    throw new PreloadError(
      'NOT_REPLACEABLE',
      `not safe to replace: ${reason}. Observe it, or name malloc and free by hand if you know better`,
    )
  }
  return mode === 'auto' ? verdict : mode
}

/** Whoever names both functions and asks for `replace` vouches for what the closure check cannot see. */
function namedByHand({ functions }: Analysis): boolean {
  const byHand = functions.filter(({ by }) => by === 'hand').map(({ role }) => role)
  return byHand.includes('malloc') && byHand.includes('free')
}
