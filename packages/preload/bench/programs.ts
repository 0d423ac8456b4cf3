/** Programs with a workload, in every mode, each in processes of its own. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Report } from '../src/index.ts'
import { TARGETED, targetOf, verdictOn } from './targets.ts'

interface Measured {
  readonly digest: string
  readonly rounds: number
  readonly milliseconds: number
  readonly report: Report | null
}

export const TRIES = 2
const MODES = ['off', 'default', 'debug', 'observe'] as const

function measure(name: string, mode: string): Measured {
  const script = join(import.meta.dirname, 'measure.ts')
  const args = ['--conditions=@vmalloc/source', script, name, mode]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Measured
}

/** The best of several processes for each mode, in turns: the machine is rarely quiet, and never for one mode alone. */
function measureAll(name: string, tries: number): Record<(typeof MODES)[number], Measured> {
  const best: Partial<Record<string, Measured>> = {}
  for (let attempt = 0; attempt < tries; attempt++) {
    for (const mode of MODES) {
      const run = measure(name, mode)
      const before = best[mode]
      if (before === undefined || run.milliseconds < before.milliseconds) best[mode] = run
    }
  }
  return best as Record<(typeof MODES)[number], Measured>
}

export const MEASURED_HEAD: readonly string[] = [
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

/** What a program takes alone and in each mode, and whether its results are the same. */
export function measuredRow(name: string, tries: number = TRIES): string[] {
  const { off, ...ours } = measureAll(name, tries)
  const modes = Object.entries(ours)
  const reports = modes.map(([, { report }]) => report)
  const same = modes.every(([, { digest }]) => digest === off.digest)
  return [
    name,
    off.milliseconds.toFixed(0),
    ...modes.flatMap(([mode, { milliseconds, report }]) => {
      const ratio = milliseconds / off.milliseconds
      const cells = [`${ratio.toFixed(2)}x`]
      if (!TARGETED.includes(mode)) return cells
      // Without a heap of ours there is nothing to aim at: the original allocates.
      const target = targetOf(name, mode)
      return [...cells, report?.mode === 'observe' ? 'observed' : verdictOn(ratio, target)]
    }),
    String(Math.round((ours.default.report?.calls ?? 0) / ours.default.rounds)),
    same ? 'the same' : 'DIFFERENT',
    String(reports.reduce((sum, report) => sum + (report?.errorCount ?? 0), 0)),
  ]
}
