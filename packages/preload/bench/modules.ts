/**
 * Writes MODULES.md: every module tried, what was found, the verdict; and for the programs with a workload, whether the
 * results were the same, and what it cost. Run it with `pnpm --filter @vmalloc/preload run modules`, about three minutes.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { analyse, type Report } from '../src/index.ts'
import { MODULES } from '../test/modules.ts'
import { WORKS } from '../test/programs/index.ts'
import { fileOf } from '../test/programs/program.ts'
import { TARGETED, targetOf, verdictOn } from './targets.ts'

interface Measured {
  readonly digest: string
  readonly rounds: number
  readonly milliseconds: number
  readonly report: Report | null
}

const TRIES = 2
const MODES = ['off', 'default', 'debug', 'observe'] as const

function measure(name: string, mode: string): Measured {
  const script = join(import.meta.dirname, 'measure.ts')
  const args = ['--conditions=@vmalloc/source', script, name, mode]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Measured
}

/** The best of several processes for each mode, in turns: the machine is rarely quiet, and never for one mode alone. */
function measureAll(name: string): Record<(typeof MODES)[number], Measured> {
  const best: Partial<Record<string, Measured>> = {}
  for (let attempt = 0; attempt < TRIES; attempt++) {
    for (const mode of MODES) {
      const run = measure(name, mode)
      const before = best[mode]
      if (before === undefined || run.milliseconds < before.milliseconds) best[mode] = run
    }
  }
  return best as Record<(typeof MODES)[number], Measured>
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
  const { off, ...ours } = measureAll(program.name)
  const modes = Object.entries(ours)
  const reports = modes.map(([, { report }]) => report)
  const same = modes.every(([, { digest }]) => digest === off.digest)
  return [
    program.name,
    off.milliseconds.toFixed(0),
    ...modes.flatMap(([mode, { milliseconds, report }]) => {
      const ratio = milliseconds / off.milliseconds
      const cells = [`${ratio.toFixed(2)}x`]
      if (!TARGETED.includes(mode)) return cells
      // Without a heap of ours there is nothing to aim at: the original allocates.
      const target = targetOf(program.name, mode)
      return [...cells, report?.mode === 'observe' ? 'observed' : verdictOn(ratio, target)]
    }),
    String(Math.round((ours.default.report?.calls ?? 0) / ours.default.rounds)),
    same ? 'the same' : 'DIFFERENT',
    String(reports.reduce((sum, report) => sum + (report?.errorCount ?? 0), 0)),
  ]
})
const MEASURED_HEAD = [
  'program',
  'alone, ms',
  'default',
  'target',
  'debug',
  'target',
  'observe',
  'calls a round',
  'results',
  'false alarms',
]

const text = `# Modules tried

Written by \`pnpm --filter @vmalloc/preload run modules\` on Node ${process.version}, ${cpus()[0].model}.
Versions are those of package.json.

## What was found

${table(['module', 'bytes', 'family, and what it was found by', 'verdict'], found)}

## Programs with a workload

CPU time of the best round of ${TRIES} processes with 4 s each, the modes in turns; the other columns as multiples of it.
Results of all modes are compared with those of the untouched module. Where a target is missed, the README says why.

${table(MEASURED_HEAD, measured)}
`
writeFileSync(join(import.meta.dirname, '../MODULES.md'), text)
process.stdout.write(text)
