/** The page `docs/suites.md`: cases of other suites, and what becomes of them here. */
import { Heap } from '@vmalloc/core'
import { optionsOf, PRESETS, type PresetName } from '../matrix/bench.ts'
import { type SuiteCase, type Verdict, verdictOf } from './case.ts'
import { GLIBC, GLIBC_OPEN } from './glibc.ts'
import { HARDENED_MALLOC, HARDENED_MALLOC_OPEN, HARDENED_MALLOC_READS } from './hardened-malloc.ts'
import { MIMALLOC_API, MIMALLOC_API_OPEN } from './mimalloc-api.ts'
import { MIMALLOC_BENCH, MIMALLOC_BENCH_OPEN } from './mimalloc-bench.ts'

/** A suite, and what its authors publish about it. */
export interface Suite {
  readonly name: string
  readonly published: string
  readonly cases: readonly SuiteCase[]
  /** Cases that nobody who does not watch each access can decide. */
  readonly undecidable: readonly string[]
  readonly open: readonly string[]
}

export const SUITES: readonly Suite[] = [
  {
    name: 'mimalloc-bench, `bench/security`',
    published: 'The programs compare allocators: each of these passes some and fails others.',
    cases: MIMALLOC_BENCH,
    undecidable: [],
    open: MIMALLOC_BENCH_OPEN,
  },
  {
    name: 'hardened_malloc, `test`',
    published:
      'Of its own suite: hardened_malloc passes every case, *caught* by an abort or *harmless*.',
    cases: HARDENED_MALLOC,
    undecidable: HARDENED_MALLOC_READS,
    open: HARDENED_MALLOC_OPEN,
  },
  {
    name: 'glibc, `malloc/tst-*`',
    published: 'Of its own suite: glibc passes every case, *caught* by an abort or *harmless*.',
    cases: GLIBC,
    undecidable: [],
    open: GLIBC_OPEN,
  },
  {
    name: 'mimalloc, `test-api`',
    published: 'Of its own suite: mimalloc passes every check.',
    cases: MIMALLOC_API,
    undecidable: [],
    open: MIMALLOC_API_OPEN,
  },
]

export interface Row {
  readonly name: string
  readonly verdicts: Readonly<Record<PresetName, Verdict>>
}

export function rowsOf({ cases, undecidable }: Suite): Row[] {
  const decided = cases.map((one) =>
    row(one.name, (preset) => verdictOf(one, Heap.create(optionsOf(preset)))),
  )
  return [...decided, ...undecidable.map((name) => row(name, () => 'not decidable'))]
}

function row(name: string, verdict: (preset: PresetName) => Verdict): Row {
  const entries = PRESETS.map((preset) => [preset, verdict(preset)] as const)
  return { name, verdicts: Object.fromEntries(entries) as Record<PresetName, Verdict> }
}

export function suitesPage(rows: readonly (readonly Row[])[]): string {
  const sections = SUITES.map(({ name, published, open }, index) => {
    const lines = rows[index].map(
      (one) => `| ${[one.name, ...PRESETS.map((preset) => one.verdicts[preset])].join(' | ')} |`,
    )
    const left = open.map((text) => `- ${text}.`)
    return [
      `## ${name}\n\n${published}\n\n${summary(rows[index])}\n\n| case | ${PRESETS.join(' | ')} |`,
      `| --- |${' --- |'.repeat(PRESETS.length)}`,
      lines.join('\n'),
      `\nNot applicable:\n\n${left.join('\n')}\n`,
    ].join('\n')
  })
  return `# Cases of other suites

Made from the results of a test (\`pnpm --filter @vmalloc/trust run docs\`): do not edit. The cases are re-made from
their names and descriptions. *caught*: an error named it, at once, at free, or by \`check()\`. *harmless*: nothing bad
happened, as the case demands. *not caught*: the heap noticed nothing; it stayed sound nevertheless. *not decidable*: a read
leaves no mark. In \`sampled\`, each allocation is guarded here; otherwise one in many is.

${sections.join('\n')}`
}

function summary(rows: readonly Row[]): string {
  const decidable = rows.filter(({ verdicts }) => verdicts.default !== 'not decidable')
  return PRESETS.map((preset) => {
    const good = decidable.filter(({ verdicts }) => verdicts[preset] !== 'not caught').length
    return `\`${preset}\`: ${good} of ${decidable.length}`
  }).join(', ')
}
