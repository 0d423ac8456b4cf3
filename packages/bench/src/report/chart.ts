/** The results as a picture: one panel per task, one bar per contender, lengths relative to ours. */
import type { Role } from '../contenders/contender.ts'
import { CONTENDERS, OURS } from '../contenders/index.ts'
import { type Results, traceMeans } from '../results.ts'
import { number, plural } from './format.ts'

interface Bar {
  readonly name: string
  readonly role: Role
  /** ns, or bytes mapped per byte live. */
  readonly value: number
}

interface Panel {
  readonly title: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

const COLUMNS = 3
const PANEL_WIDTH = 360
const GAP = 26
const NAME_WIDTH = 108
const VALUE_WIDTH = 116
const RATIO_WIDTH = 46
const BAR_WIDTH: number = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH
const ROW_HEIGHT = 17
const BAR_HEIGHT = 10
const PANEL_HEAD = 30
const TOP = 74
const BOTTOM = 30
/** Bars that would be longer than so many times ours are broken off. */
const MAX_RATIO = 5

const SPEED_PANELS = [
  'pairs-16',
  'stack-64',
  'churn-small',
  'churn-medium',
  'pairs-16k',
  'pairs-256k',
  'realloc-growth',
]

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.page { fill: #ffffff; }
.title { font-size: 19px; font-weight: 650; }
.head { font-size: 13px; font-weight: 650; }
.quiet { fill: #636c76; }
.mine { font-weight: 650; }
.ours { fill: #0969da; }
.variant { fill: #80b7f2; }
.rival { fill: #b7791f; }
.ceiling, .floor { fill: #afb8c1; }
.one { stroke: #0969da; stroke-dasharray: 2 3; }
.break { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .page, .break { fill: #0d1117; }
  .quiet { fill: #8d96a0; }
  .ours { fill: #4493f8; }
  .variant { fill: #2b5c99; }
  .rival { fill: #d29922; }
  .ceiling, .floor { fill: #484f58; }
  .one { stroke: #4493f8; }
}`

/** @returns An SVG document, readable on light and dark pages. */
export function drawChart(results: Results): string {
  const panels = panelsOf(results)
  const rows = Math.ceil(panels.length / COLUMNS)
  const most = Math.max(0, ...panels.map(({ bars }) => bars.length))
  const panelHeight = PANEL_HEAD + most * ROW_HEIGHT + GAP
  const width = COLUMNS * PANEL_WIDTH + (COLUMNS + 1) * GAP
  const height = TOP + rows * panelHeight + BOTTOM
  const { machine, versions, run } = results
  const where = `${machine.cpu}, ${machine.cores} cores, Node ${versions['node']}, ${run.date} UTC, ${plural(run.rounds, 'process', 'processes')} each`
  const drawn = panels.map((panel, i) => {
    const x = GAP + (i % COLUMNS) * (PANEL_WIDTH + GAP)
    const y = TOP + Math.floor(i / COLUMNS) * panelHeight
    return `<g transform="translate(${x} ${y})">${drawPanel(panel)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="vmalloc and other allocators">
<style>${STYLE}
</style>
<rect class="page" width="${width}" height="${height}" rx="8"/>
<text class="title" x="${GAP}" y="34">vmalloc and what else a JavaScript user could pick</text>
<text class="quiet" x="${GAP}" y="54">Shorter is better. The dashed line is ours; bars beyond ${MAX_RATIO} times ours are broken off.</text>
${drawn.join('\n')}
<text class="quiet" x="${GAP}" y="${height - 18}">${escaped(where)}</text>
</svg>
`
}

function panelsOf(results: Results): Panel[] {
  const role = new Map(CONTENDERS.map((entry) => [entry.name, entry.role]))
  const bar = (name: string, value: number): Bar => ({
    name,
    role: role.get(name) ?? 'rival',
    value,
  })
  const panels: Panel[] = SPEED_PANELS.map((workload) => ({
    title: workload,
    unit: 'ns',
    bars: results.rows.flatMap((row) =>
      row.workload === workload && row.nsPerOp !== null ? [bar(row.contender, row.nsPerOp)] : [],
    ),
  }))
  const names = CONTENDERS.map(({ name }) => name)
  const present = names.filter((name) => results.traces.some((row) => row.contender === name))
  const { nsPerOp, timed } = traceMeans(results.traces, present)
  const held = present.filter((name) =>
    results.traces.some((row) => row.contender === name && row.footprint !== null),
  )
  const { footprint } = traceMeans(results.traces, held)
  const fromMeans = (means: ReadonlyMap<string, number>): Bar[] =>
    [...means].map(([name, value]) => bar(name, value))
  panels.push(
    { title: `${timed.length} recorded traces, mean`, unit: 'ns', bars: fromMeans(nsPerOp) },
    { title: 'footprint, mapped / live', unit: '', bars: fromMeans(footprint) },
  )
  return panels.filter(({ bars }) => bars.length > 0)
}

function drawPanel({ title, unit, bars }: Panel): string {
  const ours =
    bars.find(({ name }) => name === OURS)?.value ?? Math.min(...bars.map((b) => b.value))
  const longest = Math.min(MAX_RATIO, Math.max(1, ...bars.map(({ value }) => value / ours)))
  const scale = BAR_WIDTH / longest
  const bottom = PANEL_HEAD + bars.length * ROW_HEIGHT
  const line = NAME_WIDTH + scale
  const rows = bars.map((bar, i) => drawBar(bar, PANEL_HEAD + i * ROW_HEIGHT, unit, ours, scale))
  return [
    `<text class="head" x="0" y="14">${escaped(title)}</text>`,
    ...rows,
    `<line class="one" x1="${line.toFixed(1)}" x2="${line.toFixed(1)}" y1="${PANEL_HEAD - 6}" y2="${bottom}"/>`,
  ].join('\n')
}

function drawBar(bar: Bar, y: number, unit: string, ours: number, scale: number): string {
  const ratio = bar.value / ours
  const length = Math.max(1, Math.min(ratio, MAX_RATIO) * scale)
  const kind = bar.role === 'ours' && bar.name !== OURS ? 'variant' : bar.role
  const mine = bar.name === OURS ? ' class="mine"' : ''
  const end = NAME_WIDTH + length
  const compared = bar.name === OURS ? '' : `${number(ratio)}x`
  const broken =
    ratio > MAX_RATIO
      ? `<path class="break" d="M${(end - 14).toFixed(1)} ${y + BAR_HEIGHT + 1} l5 -${BAR_HEIGHT + 2} h4 l-5 ${BAR_HEIGHT + 2} z"/>`
      : ''
  const value = unit === '' ? bar.value.toFixed(2) : `${number(bar.value)} ${unit}`
  return [
    `<text${mine} x="${NAME_WIDTH - 6}" y="${y + 9}" text-anchor="end">${escaped(bar.name)}</text>`,
    `<rect class="${kind}" x="${NAME_WIDTH}" y="${y}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
    broken,
    `<text x="${PANEL_WIDTH - RATIO_WIDTH}" y="${y + 9}" text-anchor="end">${value}</text>`,
    `<text class="quiet" x="${PANEL_WIDTH}" y="${y + 9}" text-anchor="end">${compared}</text>`,
  ].join('')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
