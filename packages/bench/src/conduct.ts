/** The order of a run: A B A B, every measurement in a fresh process, one process at a time. */
import type { ContenderEntry } from './contenders/contender.ts'
import { OURS } from './contenders/index.ts'
import type { FootprintReply, TimedReply } from './jobs.ts'
import { type Options, traceName } from './options.ts'
import { type Outcome, perform } from './processes.ts'
import type { Row, TraceRow } from './results.ts'
import { rounded } from './statistics.ts'
import { type Figure, ratio, summarize } from './summarize.ts'
import type { Workload } from './workloads/workload.ts'

/** How a contender says that it takes part in traces. */
const TRACES_TASK = 'traces'
/** Contenders without realloc, which the workload of that name leaves out. */
const NO_REALLOC = new Set(['codemix', 'harfbuzzjs', 'tfjs-threaded'])

/** All rounds of one task: in each round every contender once, so that a slow minute hits them all. */
async function inTurn(
  contenders: readonly ContenderEntry[],
  rounds: number,
  measure: (contender: string) => Promise<Outcome<TimedReply>>,
): Promise<Map<string, Figure>> {
  const outcomes = new Map<string, Outcome<TimedReply>[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, all] of outcomes) {
      if (!isHopeless(all)) all.push(await measure(name))
    }
  }
  return new Map([...outcomes].map(([name, all]) => [name, summarize(all)]))
}

/** One that failed, or ran out of time, does so again. */
function isHopeless(outcomes: readonly Outcome<TimedReply>[]): boolean {
  return outcomes.some((outcome) => 'failure' in outcome || outcome.reply.note !== undefined)
}

export async function runWorkload(
  program: string,
  workload: Workload,
  { contenders, rounds, effort }: Options,
): Promise<Row[]> {
  const able = contenders.filter(
    ({ name, role, tasks }) =>
      (workload.reallocs !== true || !NO_REALLOC.has(name)) &&
      (workload.oursOnly !== true || (role === 'ours' && tasks === undefined)) &&
      (tasks === undefined || tasks.includes(workload.name)),
  )
  const figures = await inTurn(able, rounds, (contender) =>
    perform(program, { type: 'micro', contender, workload: workload.name, ...effort }),
  )
  const ours = figures.get(OURS)?.nsPerOp
  return [...figures].map(([contender, figure]) => ({
    workload: workload.name,
    contender,
    nsPerOp: figure.nsPerOp,
    ratioToOurs: ratio(figure.nsPerOp, ours),
    ...rest(figure),
  }))
}

/** Speed in turn, then the footprint, which is the same each time. */
export async function runTrace(
  program: string,
  file: string,
  { contenders: all, rounds, effort }: Options,
): Promise<TraceRow[]> {
  const contenders = all.filter(({ tasks }) => tasks === undefined || tasks.includes(TRACES_TASK))
  const figures = await inTurn(contenders, rounds, (contender) =>
    perform(program, { type: 'trace', contender, file, ...effort }),
  )
  const ours = figures.get(OURS)?.nsPerOp
  const rows: TraceRow[] = []
  for (const { name: contender, role } of contenders) {
    const figure = figures.get(contender)
    if (figure === undefined) continue
    const weighable =
      (role === 'ours' || role === 'rival') && figure.nsPerOp !== null && !cut(figure)
    const memory = weighable
      ? await perform(program, { type: 'footprint', contender, file, limitMs: effort.limitMs })
      : undefined
    rows.push({
      trace: traceName(file),
      contender,
      nsPerOp: figure.nsPerOp,
      ratioToOurs: ratio(figure.nsPerOp, ours),
      ...rest(figure),
      ...weighed(memory),
    })
  }
  return rows
}

/** A trace that takes too long to time takes longer to verify. */
function cut(figure: Figure): boolean {
  return figure.note?.startsWith('cut') === true
}

function rest({ best, spread, note }: Figure): Pick<Row, 'best' | 'spread' | 'note'> {
  return { best, spread, ...(note === undefined ? {} : { note }) }
}

type Memory = Pick<TraceRow, 'peakLive' | 'peakMapped' | 'footprint' | 'parts' | 'note'>

function weighed(outcome: Outcome<FootprintReply> | undefined): Memory {
  const nothing = { peakLive: null, peakMapped: null, footprint: null }
  if (outcome === undefined) return nothing
  if ('failure' in outcome) return { ...nothing, note: `footprint: ${outcome.failure}` }
  const { peakLive, peakMapped, errors, note, parts } = outcome.reply
  if (errors > 0) return { ...nothing, note: `${errors} errors in the verified run: ${note}` }
  return {
    peakLive,
    peakMapped,
    footprint: rounded(peakMapped / peakLive, 4),
    ...(parts === undefined ? {} : { parts }),
  }
}
