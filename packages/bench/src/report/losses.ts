/** Where we lose: as plainly as where we win. */
import { CONTENDERS, OURS } from '../contenders/index.ts'
import { type Results, traceMeans } from '../results.ts'
import { factor, number } from './format.ts'
import { targets } from './targets.ts'

/** Differences below this are noise. */
const NOISE = 1.03
/** What composing from layers may cost against the class written by hand. */
const CEILING_LIMIT = 1.15

const RIVALS = CONTENDERS.filter(({ role }) => role === 'rival').map(({ name }) => name)

interface Measured {
  readonly contender: string
  readonly nsPerOp: number | null
  readonly ratioToOurs: number | null
  readonly note?: string
}

/** @returns One line of Markdown for each thing at which somebody is better; none when nobody is. */
export function losses(results: Results): string[] {
  return [
    ...slower(results),
    ...bigger(results),
    ...heavier(results),
    ...belowCeiling(results),
    ...ownCosts(results),
    ...missed(results),
  ]
}

function slower({ rows, traces }: Results): string[] {
  const tasks = new Map<string, Measured[]>()
  for (const row of rows) push(tasks, row.workload, row)
  for (const row of traces) push(tasks, `trace ${row.trace}`, row)
  return [...tasks].flatMap(([task, all]) => {
    const ours = all.find(({ contender }) => contender === OURS)?.nsPerOp
    const ahead = all.filter(
      ({ contender, ratioToOurs, note }) =>
        RIVALS.includes(contender) &&
        ratioToOurs !== null &&
        ratioToOurs * NOISE < 1 &&
        note?.startsWith('cut') !== true,
    )
    ahead.sort((a, b) => (a.ratioToOurs ?? 1) - (b.ratioToOurs ?? 1))
    if (ours === null || ours === undefined || ahead.length === 0) return []
    const names = ahead.map(
      ({ contender, nsPerOp, ratioToOurs }) =>
        `${contender} ${number(nsPerOp ?? 0)} ns (${factor(1 / (ratioToOurs ?? 1))} as fast)`,
    )
    return [`**${task}**, we take ${number(ours)} ns: ${names.join(', ')}.`]
  })
}

function bigger({ traces }: Results): string[] {
  const { footprint, weighed } = traceMeans(traces, [OURS, ...RIVALS])
  const ours = footprint.get(OURS)
  if (ours === undefined) return []
  const ahead = [...footprint].filter(([name, mean]) => name !== OURS && mean * NOISE < ours)
  if (ahead.length === 0) return []
  const names = ahead
    .sort((a, b) => a[1] - b[1])
    .map(([name, mean]) => `${name} ${mean.toFixed(2)}`)
  return [
    `**Footprint**, geometric mean over ${weighed.length} traces, ours is ${ours.toFixed(2)} times the payload: ${names.join(', ')}.`,
  ]
}

/** Start-up and code: what is paid before the first block. */
function heavier({ startup }: Results): string[] {
  const ours = startup.find(({ contender }) => contender === OURS)
  if (ours === undefined) return []
  const ahead = startup
    .filter(({ contender }) => RIVALS.includes(contender))
    .filter((row) => startMs(row) * NOISE < startMs(ours))
    .sort((a, b) => startMs(a) - startMs(b))
    .map((row) => `${row.contender} ${startMs(row).toFixed(1)} ms`)
  return ahead.length === 0
    ? []
    : [`**Start-up** takes us ${startMs(ours).toFixed(1)} ms: ${ahead.join(', ')}.`]
}

function startMs({ importMs, firstBlockMs }: Results['startup'][number]): number {
  return importMs + firstBlockMs
}

/** Targets that are not met, whoever else meets them. */
function missed(results: Results): string[] {
  const all = targets(results).filter(({ met }) => !met)
  if (all.length === 0) return []
  const names = all.map(({ what, wanted, found }) => `${what} ${number(found)} (${wanted})`)
  return [`**Targets missed**: ${names.join('; ')}.`]
}

function belowCeiling({ rows }: Results): string[] {
  const over = rows.filter(
    ({ contender, ratioToOurs }) =>
      contender === 'fused' && ratioToOurs !== null && 1 / ratioToOurs > CEILING_LIMIT,
  )
  if (over.length === 0) return []
  const names = over.map(
    ({ workload, ratioToOurs }) => `${workload} ${factor(1 / (ratioToOurs ?? 1))}`,
  )
  return [
    `**Layers, and thread caches where they do not help,** cost, against one class written by hand (medium blocks by a buddy there): ${names.join(', ')}.`,
  ]
}

/** What our own options cost. */
function ownCosts({ rows }: Results): string[] {
  return ['vmalloc-shared', 'vmalloc-classic'].flatMap((name) => {
    const slowest = rows
      .filter(({ contender, ratioToOurs }) => contender === name && (ratioToOurs ?? 0) > NOISE)
      .sort((a, b) => (b.ratioToOurs ?? 0) - (a.ratioToOurs ?? 0))
    const worst = slowest[0]
    if (worst?.ratioToOurs === undefined || worst.ratioToOurs === null) return []
    return [
      `**${name}** takes up to ${factor(worst.ratioToOurs)} as long as the default (${worst.workload}).`,
    ]
  })
}

function push(tasks: Map<string, Measured[]>, task: string, row: Measured): void {
  const all = tasks.get(task)
  if (all === undefined) tasks.set(task, [row])
  else all.push(row)
}
