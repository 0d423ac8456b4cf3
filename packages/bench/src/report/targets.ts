/** The targets of the project, measured: ratios within one run. */
import { CONTENDERS, OURS } from '../contenders/index.ts'
import { type Results, traceMeans } from '../results.ts'

export interface Target {
  readonly what: string
  /** For people: `at least 2.00`. */
  readonly wanted: string
  readonly found: number
  readonly met: boolean
}

const WASM = CONTENDERS.filter(({ about, role }) => role === 'rival' && /WebAssembly/.test(about))

/** Only targets whose figures this run has. */
export function targets(results: Results): Target[] {
  const { traces, size } = results
  const found: Target[] = []
  const atLeast = (what: string, limit: number, value: number | undefined): void => {
    if (value === undefined || !Number.isFinite(value)) return
    found.push({ what, wanted: `at least ${limit}`, found: value, met: value >= limit })
  }
  const atMost = (what: string, limit: number, value: number | undefined): void => {
    if (value === undefined || !Number.isFinite(value)) return
    found.push({ what, wanted: `at most ${limit}`, found: value, met: value <= limit })
  }
  for (const workload of ['pairs-16', 'churn-small', 'churn-medium']) {
    atLeast(`${workload}: fastest WebAssembly rival / ours`, 2, fastestRival(results, workload))
  }
  const means = traceMeans(traces, [OURS, ...WASM.map(({ name }) => name)])
  const ours = means.nsPerOp.get(OURS)
  const best = Math.min(
    ...WASM.map(({ name }) => means.nsPerOp.get(name) ?? Number.NaN).filter(Number.isFinite),
  )
  if (ours !== undefined) {
    atLeast('all traces, geometric mean: fastest WebAssembly rival / ours', 2, best / ours)
  }
  atLeast(
    '10 000 live blocks: @thi.ng/malloc / ours',
    100,
    ratioOf(results, 'churn-small', 'thi.ng'),
  )
  atMost('10^6 live blocks / 10^2', 3, quotient(results, 'live-1e6', 'live-1e2'))
  atMost('pairs of 256 KiB / pairs of 16 KiB', 2, quotient(results, 'pairs-256k', 'pairs-16k'))
  atMost('free of every other of 200 000 blocks / of 2 000', 1.5, combSlope(results))
  for (const workload of ['pairs-16', 'churn-small', 'churn-medium']) {
    const [fused, composed] = ['fused', 'composed'].map((name) => ratioOf(results, workload, name))
    if (fused === undefined) continue
    atMost(`${workload}: ours / fused`, 1.15, 1 / fused)
    atMost(`${workload}: composed / fused, the same work`, 1.25, composed && composed / fused)
  }
  const costs = (one: string, other: string): number | undefined => {
    const { nsPerOp } = traceMeans(traces, [one, other])
    const [above, below] = [nsPerOp.get(one), nsPerOp.get(other)]
    return above === undefined || below === undefined ? undefined : above / below
  }
  atMost('all traces: marks and checks, default / unmarked', 1.3, costs(OURS, 'unmarked'))
  atMost('all traces: debug without call stacks / default', 4, costs('vmalloc-debug', OURS))
  if (ours !== undefined) atMost('beyond: ns per traced operation, as native glibc', 19, ours)
  const own = traces.filter((row) => row.contender === OURS && row.footprint !== null)
  if (own.length > 0) {
    const { footprint, weighed } = traceMeans(own, [OURS])
    const over = `geometric mean over ${weighed.length} traces`
    atMost(`footprint, ${over}`, 1.46, footprint.get(OURS))
    atMost(`beyond: footprint, ${over}`, 1.25, footprint.get(OURS))
    atMost('footprint, worst trace', 2.2, Math.max(...own.map((row) => row.footprint ?? 0)))
  }
  const together = size[0]
  if (together?.budget !== undefined) {
    atMost('six packages together, brotli bytes', together.budget, together.brotli)
  }
  return found
}

function ratioOf({ rows }: Results, workload: string, contender: string): number | undefined {
  return (
    rows.find((row) => row.workload === workload && row.contender === contender)?.ratioToOurs ??
    undefined
  )
}

function combSlope(results: Results): number | undefined {
  return quotient(results, 'comb-2e5', 'comb-2e3') ?? quotient(results, 'comb-2e4', 'comb-2e3')
}

function fastestRival(results: Results, workload: string): number | undefined {
  const ratios = WASM.flatMap(({ name }) => ratioOf(results, workload, name) ?? [])
  return ratios.length === 0 ? undefined : Math.min(...ratios)
}

function quotient({ rows }: Results, above: string, below: string): number | undefined {
  const of = (workload: string): number | undefined =>
    rows.find((row) => row.workload === workload && row.contender === OURS)?.nsPerOp ?? undefined
  const [top, bottom] = [of(above), of(below)]
  return top === undefined || bottom === undefined ? undefined : top / bottom
}
