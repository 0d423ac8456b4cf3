/**
 * The environment variable `VMALLOC_PRELOAD`: what `node --import @vmalloc/preload` is to do.
 *
 *     VMALLOC_PRELOAD="preset=debug,report=heap.json,only=sqlite3"
 */
import type { InstallOptions } from './install.ts'
import { type PreloadOptions, resolveOptions } from './options.ts'

/** Options of the hook. */
export interface HookOptions {
  readonly install: InstallOptions
  /** Where the report goes: `stderr`, `none`, or a file that gets JSON. */
  readonly report: string
  /** File for the recorded calls; the second instance's file gets `.2` at the end, and so on. Empty: not recorded. */
  readonly record: string
}

const KEYS: readonly string[] = ['preset', 'mode', 'stacks', 'report', 'record', 'only']

/** @throws RangeError naming the part of the text that is wrong. */
export function parseHookOptions(text: string): HookOptions {
  const given: Record<string, string> = {}
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue
    const [, key, value] = /^([a-z]+)=(.+)$/.exec(part) ?? []
    if (key === undefined || !KEYS.includes(key)) {
      throw new RangeError(
        `VMALLOC_PRELOAD: "${part}" is none of ${KEYS.map((name) => `${name}=...`).join(', ')}`,
      )
    }
    given[key] = value
  }
  const { report = 'stderr', record = '', only, ...words } = given
  const rest: PreloadOptions = record === '' ? words : { ...words, record: true }
  resolveOptions(rest, 'VMALLOC_PRELOAD')
  const install: InstallOptions =
    only === undefined
      ? rest
      : { ...rest, allow: ({ name, hash }) => name.includes(only) || hash === only }
  return { install, report, record }
}
