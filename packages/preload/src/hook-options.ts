/**
 * The environment variable `VMALLOC_PRELOAD`: what `node --import @vmalloc/preload` is to do.
 *
 *     VMALLOC_PRELOAD="preset=debug,report=heap.json,only=sqlite3,only=lua"
 */
import type { InstallOptions } from './install.ts'
import { type PreloadOptions, resolveOptions } from './options.ts'

/** Options of the hook. */
export interface HookOptions {
  readonly install: InstallOptions
  /** Where the report goes: `stderr`, `none`, or a file that gets JSON. */
  readonly report: string
  /** File for the recorded calls. Empty: not recorded. */
  readonly record: string
  /** File for maps of the programs' heaps, for `vmalloc map`. Empty: none. */
  readonly map: string
  /** A signal that has the report made at once, besides the one at the end. Empty: none. */
  readonly signal: string
}

const KEYS: readonly string[] = [
  'preset',
  'mode',
  'stacks',
  'report',
  'record',
  'map',
  'only',
  'signal',
]

/** @throws RangeError naming the part of the text that is wrong. */
export function parseHookOptions(text: string): HookOptions {
  const given: Record<string, string> = {}
  const only: string[] = []
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue
    const [, key, value] = /^([a-z]+)=(.+)$/.exec(part) ?? []
    if (key === undefined || !KEYS.includes(key)) {
      throw new RangeError(
        `VMALLOC_PRELOAD: "${part}" is none of ${KEYS.map((name) => `${name}=...`).join(', ')}`,
      )
    }
    if (key === 'only') only.push(value)
    else if (Object.hasOwn(given, key))
      throw new RangeError(`VMALLOC_PRELOAD: ${key} is given twice`)
    else given[key] = value
  }
  const { report = 'stderr', record = '', map = '', signal = '', mode, ...words } = given
  if (signal !== '' && !/^SIG[A-Z0-9]+$/.test(signal)) {
    throw new RangeError(`VMALLOC_PRELOAD: signal is ${signal}: it must be one like SIGUSR2`)
  }
  const rest: PreloadOptions = record === '' ? words : { ...words, record: true }
  resolveOptions(
    mode === undefined || mode === 'off' ? rest : withMode(rest, mode),
    'VMALLOC_PRELOAD',
  )
  const install: InstallOptions = {
    ...rest,
    ...(mode === undefined ? {} : { mode: mode as NonNullable<InstallOptions['mode']> }),
    ...(only.length === 0 ? {} : { only }),
  }
  return { install, report, record, map, signal }
}

function withMode(options: PreloadOptions, mode: string): PreloadOptions {
  return { ...options, mode: mode as NonNullable<PreloadOptions['mode']> }
}
