/** The whole report as Markdown. */
import { CONTENDERS, OURS } from '../contenders/index.ts'
import type { Results } from '../results.ts'
import { WORKLOADS } from '../workloads/index.ts'
import type { Workload } from '../workloads/workload.ts'
import { factor, number, plural, table } from './format.ts'
import { losses } from './losses.ts'
import { targets } from './targets.ts'
import { traceSections } from './trace-tables.ts'

/** Everything, with headings of level 2. */
export function markdown(results: Results): string {
  const sections = [
    '# Benchmark',
    conditions(results),
    ...speed(results),
    ...traceSections(results),
    ...startupAndSize(results),
    ...targetSection(results),
    ...lossSection(results),
    ...notes(results),
  ]
  return `${sections.join('\n\n')}\n`
}

/** Machine, versions and how it was measured. */
export function conditions({ machine, versions, run }: Results): string {
  const { cpu, cores, memoryBytes, platform, loadBefore } = machine
  const gib = (memoryBytes / 2 ** 30).toFixed(1)
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const quick = run.quick ? ' **Quick run: the figures only show that it runs.**' : ''
  return [
    `${run.date} UTC, ${cpu}, ${cores} cores, ${gib} GiB, ${platform}, load ${loadBefore} before the run.`,
    `${list.join(', ')}.`,
    `Medians of ${plural(run.rounds, 'fresh process', 'fresh processes')} each, in turn; ${run.clock}; ${run.seconds} s in all.${quick}`,
    `In brackets: how many times as long as \`${OURS}\` it takes.`,
  ].join('\n')
}

const GROUPS: readonly { group: Workload['group']; title: string }[] = [
  { group: 'speed', title: 'Speed, ns per operation' },
  { group: 'live blocks', title: 'Cost against heap size, ns per operation' },
  { group: 'fragmentation', title: 'Cost of holes, ns per operation' },
  { group: 'high addresses', title: 'Above 2 GiB, ns per operation' },
]

function speed({ rows }: Results): string[] {
  return GROUPS.flatMap(({ group, title }) => {
    const workloads = WORKLOADS.filter(
      (workload) => workload.group === group && rows.some((row) => row.workload === workload.name),
    )
    if (workloads.length === 0) return []
    const lines = CONTENDERS.filter(({ name }) => rows.some((row) => row.contender === name)).map(
      ({ name }) => [
        name,
        ...workloads.map((workload) => {
          const row = rows.find((r) => r.workload === workload.name && r.contender === name)
          if (row === undefined || row.nsPerOp === null) return row === undefined ? '' : 'failed'
          const compared =
            row.ratioToOurs === null || name === OURS ? '' : ` (${factor(row.ratioToOurs)})`
          return `${number(row.nsPerOp)}${compared}`
        }),
      ],
    )
    const legend = workloads.map(({ name, about }) => `- ${name}: ${about}`).join('\n')
    return [`## ${title}`, table(['', ...workloads.map(({ name }) => name)], lines), legend]
  })
}

function startupAndSize({ startup, size }: Results): string[] {
  const sections: string[] = []
  if (startup.length > 0) {
    const lines = startup.map(({ contender, importMs, firstBlockMs }) => [
      contender,
      importMs.toFixed(2),
      firstBlockMs.toFixed(2),
      (importMs + firstBlockMs).toFixed(2),
    ])
    sections.push(
      '## Start-up, ms',
      table(['', 'import', 'heap and first block', 'together'], lines),
      'From one minified file in a fresh process, WebAssembly compiled on the way.',
    )
  }
  if (size.length > 0) {
    const lines = size.map(({ name, minified, gzip, brotli, budget }) => [
      name,
      number(minified),
      number(gzip),
      number(brotli),
      budget === undefined ? '' : number(budget),
    ])
    sections.push(
      '## Code size, bytes',
      table(['', 'minified', 'gzip', 'brotli', 'budget'], lines),
      'Each with all it needs of other packages.',
    )
  }
  return sections
}

function targetSection(results: Results): string[] {
  const all = targets(results)
  if (all.length === 0) return []
  const lines = all.map(({ what, wanted, found, met }) => [
    what,
    wanted,
    number(found),
    met ? 'yes' : '**no**',
  ])
  return ['## Targets', table(['', 'wanted', 'found', 'met'], lines)]
}

function lossSection(results: Results): string[] {
  const all = losses(results)
  const compared = [...results.rows, ...results.traces].some(({ contender }) => contender !== OURS)
  const nothing = compared ? 'Nowhere in this run.' : 'Nobody was compared in this run.'
  const text = all.length === 0 ? nothing : all.map((loss) => `- ${loss}`).join('\n')
  return ['## Where we lose', text]
}

function notes({ rows, traces }: Results): string[] {
  const all = [
    ...rows.map((row) => ({ task: row.workload, ...row })),
    ...traces.map((row) => ({ task: `trace ${row.trace}`, ...row })),
  ].flatMap(({ task, contender, note }) =>
    note === undefined ? [] : [`- ${task}, ${contender}: ${note}`],
  )
  return all.length === 0 ? [] : ['## Notes', all.join('\n')]
}
