/**
 * Writes MODULES.md: every module tried, what was found, the verdict; and for the programs with a workload, whether the
 * results were the same, and what it cost. Run it with `pnpm --filter @vmalloc/preload run modules`, about two minutes.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { analyse, type Report } from '../src/index.ts'
import { MODULES } from '../test/modules.ts'
import { WORKS } from '../test/programs/index.ts'
import { fileOf } from '../test/programs/program.ts'

interface Measured {
  readonly digest: string
  readonly milliseconds: number
  readonly report: Report | null
}

const ROUNDS = 4
const TRIES = 2
const MODES = ['default', 'debug', 'observe'] as const

/** The best of several processes: the machine is rarely quiet. */
function measure(name: string, mode: string): Measured {
  const runs = Array.from({ length: TRIES }, () => {
    const script = join(import.meta.dirname, 'measure.ts')
    const args = ['--conditions=@vmalloc/source', script, name, mode, String(ROUNDS)]
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Measured
  })
  return runs.sort((one, other) => one.milliseconds - other.milliseconds)[0]
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const found = Object.values(MODULES).map((path) => {
  const bytes = new Uint8Array(readFileSync(fileOf(path)))
  const { verdict, reason, functions } = analyse(bytes)
  const family = functions.map(({ role, by }) => `${role} (${by})`).join(', ') || 'none'
  return [`\`${path}\``, String(bytes.length), family, `**${verdict}**: ${reason}`]
})

const measured = WORKS.map(({ program }) => {
  const plain = measure(program.name, 'off')
  const cells = [program.name, plain.milliseconds.toFixed(0)]
  let same = true
  let errors = 0
  let calls = 0
  for (const mode of MODES) {
    const { digest, milliseconds, report } = measure(program.name, mode)
    same &&= digest === plain.digest
    errors += report?.errorCount ?? 0
    calls = (report?.calls ?? 0) / ROUNDS
    cells.push(`${(milliseconds / plain.milliseconds).toFixed(2)}x`)
  }
  return [...cells, String(Math.round(calls)), same ? 'the same' : 'DIFFERENT', String(errors)]
})

const text = `# Modules tried

Written by \`pnpm --filter @vmalloc/preload run modules\` on Node ${process.version}, ${cpus()[0].model}.
Versions are those of package.json.

## What was found

${table(['module', 'bytes', 'family, and what it was found by', 'verdict'], found)}

## Programs with a workload

CPU time of a warm round, best of ${TRIES * ROUNDS} in ${TRIES} processes; the other columns as multiples of it. Results of all modes are compared
with those of the untouched module.

${table(['program', 'alone, ms', ...MODES, 'calls a round', 'results', 'false alarms'], measured)}
`
writeFileSync(join(import.meta.dirname, '../MODULES.md'), text)
process.stdout.write(text)
