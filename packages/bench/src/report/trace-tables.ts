/** The recorded traces: speed, footprint, and where our memory goes. */
import { CONTENDERS } from '../contenders/index.ts'
import { type Results, type TraceRow, traceMeans } from '../results.ts'
import { number, percent, table } from './format.ts'

/** Sections of Markdown; none without traces. */
export function traceSections({ traces }: Results): string[] {
  if (traces.length === 0) return []
  return [...speed(traces), ...footprint(traces), ...parts(traces)]
}

function speed(rows: readonly TraceRow[]): string[] {
  const names = present(rows, () => true)
  const { nsPerOp, timed } = traceMeans(rows, names)
  return [
    '## Recorded traces, ns per operation',
    matrix(rows, names, nsPerOp, (row) =>
      row.nsPerOp === null ? 'failed' : `${number(row.nsPerOp)}${isCut(row) ? ' (cut)' : ''}`,
    ),
    `Warm, the loop included: \`empty\` is what it costs. Geometric means over ${timed.length} traces that all with a mean finished.`,
  ]
}

function footprint(rows: readonly TraceRow[]): string[] {
  const names = present(rows, (row) => row.footprint !== null)
  if (names.length === 0) return []
  const { footprint: means, weighed } = traceMeans(rows, names)
  return [
    '## Footprint, peak mapped / peak live',
    matrix(rows, names, means, (row) => row.footprint?.toFixed(2) ?? ''),
    [
      'Peak live: bytes asked for. Peak mapped: for ours by their own figures, control area and page map included;',
      'for the others the distance from the first block to the end of the highest, a lower bound of what they hold.',
      `Geometric means over ${weighed.length} traces that all with a mean finished. Every payload was verified.`,
    ].join(' '),
  ]
}

function parts(rows: readonly TraceRow[]): string[] {
  const lines = rows.flatMap(({ trace, contender, peakLive, parts: found }) => {
    if (found === undefined || peakLive === null || contender === 'vmalloc-shared') return []
    const { internal, marks, external, meta } = found
    return [
      [
        `${trace}, ${contender}`,
        ...[internal, marks, external, meta].map((bytes) => percent(bytes / peakLive)),
      ],
    ]
  })
  if (lines.length === 0) return []
  return [
    '## Where our memory goes, as a share of the payload',
    table(
      ['', 'internal (rounding up)', 'marks', 'external (free inside)', 'control and page map'],
      lines,
    ),
    'At the moment of peak payload, which need not be that of peak mapped.',
  ]
}

function present(rows: readonly TraceRow[], test: (row: TraceRow) => boolean): string[] {
  return CONTENDERS.map(({ name }) => name).filter((name) =>
    rows.some((row) => row.contender === name && test(row)),
  )
}

function matrix(
  rows: readonly TraceRow[],
  names: readonly string[],
  means: ReadonlyMap<string, number>,
  cell: (row: TraceRow) => string,
): string {
  const lines = [...new Set(rows.map((row) => row.trace))].map((trace) => [
    trace,
    ...names.map((name) => {
      const row = rows.find((r) => r.trace === trace && r.contender === name)
      return row === undefined ? '' : cell(row)
    }),
  ])
  const last = names.map((name) => {
    const mean = means.get(name)
    return mean === undefined ? '' : `**${number(mean)}**`
  })
  return table(['', ...names], [...lines, ['**geometric mean**', ...last]])
}

function isCut({ note }: TraceRow): boolean {
  return note?.startsWith('cut') === true
}
