/** The results of a run: the object of `--json` and of the raw files. */
import type { FootprintParts } from './jobs.ts'
import { geometricMean } from './statistics.ts'
import type { Machine } from './versions.ts'

/** One contender on one synthetic workload. */
export interface Row {
  readonly workload: string
  readonly contender: string
  /** Median over the processes of the median of each; null when it could not be measured. */
  readonly nsPerOp: number | null
  /** nsPerOp divided by ours: above 1 we are faster. */
  readonly ratioToOurs: number | null
  /** The fastest single sample. */
  readonly best: number | null
  /** Half the distance between the extreme processes, as a share of the median. */
  readonly spread: number | null
  readonly note?: string
}

/** One contender on one recorded trace. */
export interface TraceRow {
  readonly trace: string
  readonly contender: string
  readonly nsPerOp: number | null
  readonly ratioToOurs: number | null
  readonly best: number | null
  readonly spread: number | null
  /** Bytes; null for floors and for what did not finish. */
  readonly peakLive: number | null
  readonly peakMapped: number | null
  /** peakMapped / peakLive. */
  readonly footprint: number | null
  readonly parts?: FootprintParts
  readonly note?: string
}

export interface StartupRow {
  readonly contender: string
  readonly importMs: number
  readonly firstBlockMs: number
}

export interface SizeRow {
  readonly name: string
  readonly minified: number
  readonly gzip: number
  readonly brotli: number
  /** The most bytes of brotli that are allowed. */
  readonly budget?: number
}

export interface Results {
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  readonly run: {
    readonly date: string
    readonly rounds: number
    readonly quick: boolean
    readonly complete: boolean
    readonly clock: string
    readonly seconds: number
  }
  readonly rows: readonly Row[]
  readonly traces: readonly TraceRow[]
  readonly startup: readonly StartupRow[]
  readonly size: readonly SizeRow[]
}

/** Geometric means over the traces that all contenders compared could finish, warm and whole. */
export interface TraceMeans {
  readonly nsPerOp: ReadonlyMap<string, number>
  readonly footprint: ReadonlyMap<string, number>
  /** Traces that the means are over. */
  readonly timed: readonly string[]
  readonly weighed: readonly string[]
}

/**
 * @param contenders - Who has to have finished a trace for it to count; contenders that finished none of the others
 * get no mean.
 */
export function traceMeans(rows: readonly TraceRow[], contenders: readonly string[]): TraceMeans {
  const over = (value: (row: TraceRow) => number | null) => {
    const traces = [...new Set(rows.map((row) => row.trace))]
    const find = (trace: string, contender: string): number | null => {
      const row = rows.find((r) => r.trace === trace && r.contender === contender)
      return row === undefined ? null : value(row)
    }
    // A contender that could do hardly any would leave nothing to compare the others by.
    const able = contenders.filter(
      (contender) =>
        traces.filter((trace) => find(trace, contender) !== null).length * 2 > traces.length,
    )
    const common = traces.filter((trace) => able.every((name) => find(trace, name) !== null))
    const means = able.map((name): [string, number] => [
      name,
      geometricMean(common.map((trace) => find(trace, name) ?? Number.NaN)),
    ])
    return { means: new Map(common.length === 0 ? [] : means), common }
  }
  const timed = over((row) => (row.note?.startsWith('cut') === true ? null : row.nsPerOp))
  const weighed = over((row) => row.footprint)
  return {
    nsPerOp: timed.means,
    footprint: weighed.means,
    timed: timed.common,
    weighed: weighed.common,
  }
}
