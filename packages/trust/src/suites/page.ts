/** The page `docs/suites.md`: cases of other suites, and what becomes of them here. */
import { Heap } from '@vmalloc/core'
import { optionsOf } from '../matrix/bench.ts'
import { type SuiteCase, type Verdict, verdictOf } from './case.ts'
import { HARDENED_MALLOC, HARDENED_MALLOC_OPEN } from './hardened-malloc.ts'
import { MIMALLOC_BENCH, MIMALLOC_BENCH_OPEN } from './mimalloc-bench.ts'

export const SUITES = [
  { name: 'mimalloc-bench, `bench/security`', cases: MIMALLOC_BENCH, open: MIMALLOC_BENCH_OPEN },
  { name: 'hardened_malloc, `test`', cases: HARDENED_MALLOC, open: HARDENED_MALLOC_OPEN },
] as const

const COLUMNS = ['default', 'debug'] as const

export type Row = readonly [name: string, byDefault: Verdict, inDebug: Verdict]

export function rowsOf(cases: readonly SuiteCase[]): Row[] {
  return cases.map((one) => {
    const [byDefault, inDebug] = COLUMNS.map((preset) =>
      verdictOf(one, Heap.create(optionsOf(preset))),
    )
    return [one.name, byDefault, inDebug] as const
  })
}

export function suitesPage(rows: readonly (readonly Row[])[]): string {
  const sections = SUITES.map(({ name, open }, index) => {
    const lines = rows[index].map((row) => `| ${row.join(' | ')} |`)
    const left = open.map((text) => `- ${text}.`)
    return [
      `## ${name}\n\n${summary(rows[index])}\n\n| case | ${COLUMNS.join(' | ')} |\n| --- | --- | --- |`,
      lines.join('\n'),
      `\nNot applicable:\n\n${left.join('\n')}\n`,
    ].join('\n')
  })
  return `# Cases of other suites

Made from the results of a test (\`pnpm --filter @vmalloc/trust run docs\`): do not edit. The cases are re-made from
their names and descriptions. *caught*: an error named it, at once, at free, or by \`check()\`. *harmless*: nothing bad
happened, as the case demands. *not caught*: the heap noticed nothing; it stayed sound nevertheless.

${sections.join('\n')}`
}

function summary(rows: readonly Row[]): string {
  return COLUMNS.map((preset, index) => {
    const good = rows.filter((row) => row[index + 1] !== 'not caught').length
    return `\`${preset}\`: ${good} of ${rows.length}`
  }).join(', ')
}
