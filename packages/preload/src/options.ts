/** Options of `instantiate`, `installPreload` and the hook, and their rules. */
import { requireKnownOptions, requireOption } from '@vmalloc/memory'
import type { AnalyseOptions } from './analyse.ts'
import type { FunctionsByHand } from './find/analysis.ts'
import { ROLES } from './find/roles.ts'
import type { StackMode } from './runtime/stacks.ts'

/** `default`: our heap, marks checked at every free. `debug`: every byte behind a request guarded, allocations sampled. */
export type PreloadPreset = 'default' | 'debug'

/** What to do with a module; `auto` follows the verdict. */
export type PreloadMode = 'auto' | 'replace' | 'observe'

/** The heap that a program gets, and what is noted about its calls. */
export interface PreloadOptions extends AnalyseOptions {
  /** @defaultValue 'default' */
  readonly preset?: PreloadPreset
  /** @defaultValue 'auto' */
  readonly mode?: PreloadMode
  /**
   * Which allocations have their stack captured.
   * @defaultValue 'sample' with the preset `debug` and in observe mode, else 'none'
   */
  readonly stacks?: StackMode
  /**
   * Record the program's calls as an MTR1 trace for `vmalloc replay`, about 10 bytes a call.
   * @defaultValue false
   */
  readonly record?: boolean
}

const OPTION_NAMES = ['preset', 'mode', 'stacks', 'functions', 'record']
const PRESETS: readonly string[] = ['default', 'debug']
const MODES: readonly string[] = ['auto', 'replace', 'observe']
const STACKS: readonly string[] = ['sample', 'all', 'none']

/** Options with nothing left out. */
export interface ResolvedOptions {
  readonly preset: PreloadPreset
  readonly mode: PreloadMode
  readonly stacks: StackMode | undefined
  readonly functions: FunctionsByHand
  readonly record: boolean
}

/** @throws RangeError naming the option, the value and the rule. */
export function resolveOptions(options: PreloadOptions, where: string): ResolvedOptions {
  requireKnownOptions(options, OPTION_NAMES, where)
  const { preset = 'default', mode = 'auto', stacks, functions = {}, record = false } = options
  requireOneOf('preset', preset, PRESETS)
  requireOneOf('mode', mode, MODES)
  if (stacks !== undefined) requireOneOf('stacks', stacks, STACKS)
  requireOption(typeof record === 'boolean', 'record', record, 'it must be true or false')
  requireFunctions(functions)
  return { preset, mode, stacks, functions, record }
}

/** @throws RangeError unless every key is a member of the family and every value a name or an index. */
export function requireFunctions(functions: unknown): asserts functions is FunctionsByHand {
  const fine = typeof functions === 'object' && functions !== null && !Array.isArray(functions)
  requireOption(fine, 'functions', functions, 'it must be an object like { malloc: "my_alloc" }')
  for (const [role, given] of Object.entries(functions as object)) {
    requireOption(
      (ROLES as readonly string[]).includes(role),
      `functions.${role}`,
      given,
      `the family has no such member; it has ${ROLES.join(', ')}`,
    )
    const named = typeof given === 'string' && given !== ''
    requireOption(
      given === undefined || named || (Number.isInteger(given) && given >= 0),
      `functions.${role}`,
      given,
      'it must be the name of a function or its index',
    )
  }
}

function requireOneOf(name: string, value: string, known: readonly string[]): void {
  requireOption(known.includes(value), name, value, `it must be one of ${known.join(', ')}`)
}
