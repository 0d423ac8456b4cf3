/** Reports made from invented results: what they claim follows from the figures. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { README, RESULTS } from '../src/paths.ts'
import { drawChart } from '../src/report/chart.ts'
import { losses } from '../src/report/losses.ts'
import { readmeSection, withSection } from '../src/report/readme.ts'
import { markdown } from '../src/report/tables.ts'
import { targets } from '../src/report/targets.ts'
import { type Results, type Row, type TraceRow, traceMeans } from '../src/results.ts'

const row = (workload: string, contender: string, nsPerOp: number, ours: number): Row => ({
  workload,
  contender,
  nsPerOp,
  ratioToOurs: nsPerOp / ours,
  best: nsPerOp,
  spread: 0,
})

const trace = (name: string, contender: string, nsPerOp: number | null, footprint: number | null) =>
  ({
    trace: name,
    contender,
    nsPerOp,
    ratioToOurs: nsPerOp === null ? null : nsPerOp / 50,
    best: nsPerOp,
    spread: 0,
    peakLive: 1000,
    peakMapped: footprint === null ? null : footprint * 1000,
    footprint,
  }) satisfies TraceRow

const results: Results = {
  machine: { cpu: 'A < B & C', cores: 2, memoryBytes: 2 ** 30, platform: 'test', loadBefore: 0 },
  versions: { node: '26.0.0' },
  run: { date: 'today', rounds: 3, quick: false, complete: true, clock: 'a clock', seconds: 1 },
  rows: [
    row('pairs-16', 'vmalloc', 10, 10),
    row('pairs-16', 'fused', 8, 10),
    row('pairs-16', 'harfbuzzjs', 25, 10),
    row('pairs-16', 'empty', 1, 10),
    row('churn-small', 'vmalloc', 40, 40),
    row('churn-small', 'harfbuzzjs', 30, 40),
    { ...row('churn-small', 'thi.ng', 1, 40), note: 'cut after 10 s: 0 of 5 samples' },
  ],
  traces: [
    trace('a', 'vmalloc', 50, 1.2),
    trace('a', 'sqlite-wasm', 100, 1.1),
    trace('b', 'vmalloc', 50, 3),
    trace('b', 'sqlite-wasm', 25, 1.1),
    trace('c', 'vmalloc', 50, 2),
    trace('c', 'sqlite-wasm', null, null),
  ],
  startup: [{ contender: 'vmalloc', importMs: 1, firstBlockMs: 2 }],
  size: [{ name: 'six packages together', minified: 5, gzip: 4, brotli: 3, budget: 2 }],
}

describe('where we lose', () => {
  const lost = losses(results).join('\n')

  test('names every task at which a rival is faster, and how much', () => {
    expect(lost).toContain('**churn-small**, we take 40.0 ns: harfbuzzjs 30.0 ns (1.33x as fast).')
    expect(lost).toContain('**trace b**, we take 50.0 ns: sqlite-wasm 25.0 ns (2.00x as fast).')
    expect(lost).not.toContain('pairs-16**,')
    expect(lost).not.toContain('trace a')
  })

  test('does not count floors, nor contenders that were cut', () => {
    expect(lost).not.toContain('empty')
    expect(lost).not.toContain('thi.ng 1.00 ns')
  })

  test('names the footprint and the cost of layers', () => {
    expect(lost).toMatch(/\*\*Footprint\*\*, .*over 2 traces, ours is 1\.90 .*: sqlite-wasm 1\.10/)
    expect(lost).toMatch(/\*\*Layers, .*\*\* cost, .*: pairs-16 1\.25x/)
  })

  test('names the targets that are missed', () => {
    expect(lost).toMatch(/\*\*Targets missed\*\*: .*footprint, worst trace 3\.00 \(at most 2\.2\)/)
  })

  test('says nothing when there is nothing to say', () => {
    const rows = results.rows.filter(({ contender }) => contender === 'vmalloc')
    expect(losses({ ...results, rows, traces: [], size: [] })).toEqual([])
  })
})

test('means are over the traces that all compared finished', () => {
  const { nsPerOp, timed } = traceMeans(results.traces, ['vmalloc', 'sqlite-wasm'])
  expect(timed).toEqual(['a', 'b'])
  expect(nsPerOp.get('sqlite-wasm')).toBeCloseTo(50, 9)
  const alone = traceMeans(results.traces, ['vmalloc'])
  expect(alone.timed).toEqual(['a', 'b', 'c'])
})

test('targets are met or missed as the figures say', () => {
  const met = Object.fromEntries(targets(results).map((target) => [target.what, target.met]))
  expect(met).toMatchObject({
    'pairs-16: fastest WebAssembly rival / ours': true,
    'churn-small: fastest WebAssembly rival / ours': false,
    'pairs-16: ours / fused': false,
    'footprint, worst trace': false,
    'six packages together, brotli bytes': false,
  })
})

test('the tables have one line per contender and one column per workload', () => {
  const text = markdown(results)
  expect(text).toContain('|  | pairs-16 | churn-small |')
  expect(text).toContain('| harfbuzzjs | 25.0 (2.50x) | 30.0 (0.75x) |')
  expect(text).toContain('- churn-small, thi.ng: cut after 10 s: 0 of 5 samples')
})

test('the chart is well formed and says on which machine', () => {
  const svg = drawChart(results)
  expect(svg).toContain('A &lt; B &amp; C')
  expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  const opened = svg.match(/<g\b/g)?.length
  expect(svg.match(/<\/g>/g)?.length).toBe(opened)
  expect(opened).toBe(4)
})

describe('the README', () => {
  const readme = readFileSync(README, 'utf8')

  test('takes a new section in place of the old one', () => {
    const once = withSection(readme, 'one')
    expect(withSection(once, 'two')).toBe(withSection(readme, 'two'))
    expect(once).toContain('\n\none\n\n')
    expect(() => withSection('nothing', 'x')).toThrow('README.md lacks')
  })

  const latest = join(RESULTS, 'latest.json')

  test('and the committed tables and chart are of the same run', () => {
    const committed = JSON.parse(readFileSync(latest, 'utf8')) as Results
    expect(withSection(readme, readmeSection(committed))).toBe(readme)
    expect(readFileSync(join(RESULTS, 'latest.md'), 'utf8')).toBe(markdown(committed))
    expect(readFileSync(join(RESULTS, 'latest.svg'), 'utf8')).toBe(drawChart(committed))
  })
})
