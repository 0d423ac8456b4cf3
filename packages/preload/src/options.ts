/** Options of `instantiate`, `installPreload` and the hook, and their rules. */
import { requireKnownOptions, requireOption } from '@vmalloc/memory'
import type { AnalyseOptions } from './analyse.ts'
import type { FunctionsByHand } from './find/find.ts'
import type { StackMode } from './runtime/stacks.ts'

/** `default`: our heap, marks checked at every free. `debug`: every byte behind a request guarded, allocations sampled. */
export type PreloadPreset = 'default' | 'debug'

/** What to do with a module; `auto` follows the verdict. */
export type PreloadMode = 'auto' | 'replace' | 'observe' | 'off'

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
const MODES: readonly string[] = ['auto', 'replace', 'observe', 'off']
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
  return { preset, mode, stacks, functions, record }
}

function requireOneOf(name: string, value: string, known: readonly string[]): void {
  requireOption(known.includes(value), name, value, `it must be one of ${known.join(', ')}`)
}
