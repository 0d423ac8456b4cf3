/** `vmalloc preload`: what the malloc family of a .wasm file is, and the file rewritten to run on vmalloc. */
import { readFileSync, writeFileSync } from 'node:fs'
import {
  type Analysis,
  analyse,
  PreloadError,
  type PreloadMode,
  type RewriteResult,
  ROLES,
  type Role,
  rewrite,
} from '@vmalloc/preload'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { EXIT, UsageError } from '../exit.ts'
import { requireWritable } from '../picture-file.ts'
import { colorsFor } from '../terminal/colors.ts'
import { plural } from '../terminal/text.ts'

type ByHand = { [role in Role]?: string | number }

interface PreloadCommandOptions {
  readonly output?: string
  readonly mode: PreloadMode
  readonly function: ByHand
  readonly json?: boolean
}

export function addPreload(program: Command): void {
  program
    .command('preload')
    .description('find the malloc family of a .wasm file, and rewrite it to run on vmalloc')
    .argument('<file.wasm>', 'a WebAssembly module')
    .option('-o, --output <file.wasm>', 'write the rewritten module')
    .addOption(
      new Option('--mode <mode>', 'what to rewrite for')
        .choices(['auto', 'replace', 'observe'])
        .default('auto'),
    )
    .addOption(
      new Option('--function <role=name>', 'name a function by hand: an export, or an index')
        .argParser(parseByHand)
        .default({}, 'found by themselves'),
    )
    .option('--json', 'print one JSON object')
    .action(preload)
}

function preload(file: string, options: PreloadCommandOptions): void {
  const { output, mode, function: functions, json = false } = options
  if (output !== undefined) requireWritable(output)
  const bytes = readModule(file)
  const started = performance.now()
  try {
    const analysis = analyse(bytes, { functions })
    // The analysis is not made twice: a module seen before is known by its content.
    const rewritten =
      output === undefined || analysis.verdict === 'refuse'
        ? null
        : rewrite(bytes, { mode, functions })
    const milliseconds = Math.round(performance.now() - started)
    if (output !== undefined && rewritten !== null) writeFileSync(output, rewritten.bytes)
    const lines = json
      ? [jsonReport(file, bytes, analysis, rewritten, output, milliseconds)]
      : textReport(file, bytes, analysis, rewritten, output)
    console.log(lines.join('\n'))
    // Asked for a module and got none.
    if (output !== undefined && rewritten === null) process.exitCode = EXIT.failed
  } catch (error) {
    if (error instanceof PreloadError) throw new UsageError(`${file}: ${error.message}`)
    throw error
  }
}

function readModule(file: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(file))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const words = { ENOENT: 'no such file', EISDIR: 'a directory, not a module' }[code ?? '']
    throw new UsageError(`${file}: ${words ?? message}`)
  }
}

function parseByHand(value: string, before: ByHand): ByHand {
  const [, word, name] = /^([a-z_]+)=(.+)$/.exec(value) ?? []
  if (word === undefined)
    throw new InvalidArgumentError('Write it as role=name, malloc=my_alloc for example.')
  const role = ROLES.find((known) => known === word)
  if (role === undefined)
    throw new InvalidArgumentError(`The family has no ${word}; it has ${ROLES.join(', ')}.`)
  return { ...before, [role]: /^\d+$/.test(name) ? Number(name) : name }
}

function jsonReport(
  file: string,
  bytes: Uint8Array,
  analysis: Analysis,
  rewritten: RewriteResult | null,
  output: string | undefined,
  milliseconds: number,
): string {
  const result =
    rewritten === null
      ? null
      : { file: output, bytes: rewritten.bytes.length, mode: rewritten.mode }
  return JSON.stringify(
    { file, bytes: bytes.length, ...analysis, output: result, milliseconds },
    null,
    2,
  )
}

function textReport(
  file: string,
  bytes: Uint8Array,
  analysis: Analysis,
  rewritten: RewriteResult | null,
  output: string | undefined,
): string[] {
  const { verdict, reason, functions, open } = analysis
  const colors = colorsFor(process.stdout)
  const paint = { replace: colors.green, observe: colors.yellow, refuse: colors.red }[verdict]
  const lines = [`${file}: ${bytes.length} bytes, ${colors.bold(paint(verdict))}`, `  ${reason}`]
  const width = Math.max(0, ...functions.map(({ role }) => role.length))
  for (const { role, index, name, by } of functions) {
    lines.push(`  ${role.padEnd(width)}  function ${index}, ${name}, found by ${by}`)
  }
  if (open.length > 0) {
    lines.push(`  ${plural(open.length, 'function')} keep the original within reach:`)
    for (const { index, name } of open.slice(0, 10)) lines.push(`    function ${index}, ${name}`)
  }
  if (rewritten !== null) {
    const more = rewritten.bytes.length - bytes.length
    lines.push(`  ${output}: ${rewritten.bytes.length} bytes (+${more}), to ${rewritten.mode}`)
  } else if (output !== undefined) lines.push(`  ${output}: not written`)
  return lines
}
