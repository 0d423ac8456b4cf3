/**
 * `bench:threads`: the multithreaded workloads, 1 and 2 Workers, our heap with and without thread caches and its rivals.
 *
 *     bench:threads [--quick] [--ms N] [--rounds N] [--only a,b] [--contenders a,b] [--json FILE]
 *
 * Contenders take turns, round by round; a figure is the median of its rounds. Compare figures of one run only.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { machine } from '../versions.ts'
import type { RunOrder, RunReport } from './bench.worker.ts'
import { CONTENDERS, type ThreadedContender } from './contenders.ts'
import { measureRecovery } from './recovery.ts'
import { newBoard, stop } from './stage.ts'
import { WORKLOADS } from './workloads.ts'

interface Row {
  readonly workload: string
  readonly contender: string
  readonly threads: number
  /** Median of the rounds, all threads together. */
  readonly operationsPerSecond: number
  readonly rounds: readonly number[]
}

const { values } = parseArgs({
  // pnpm passes the "--" that separates its own arguments on.
  args: process.argv.slice(2).filter((word) => word !== '--'),
  options: {
    quick: { type: 'boolean', default: false },
    ms: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    contenders: { type: 'string' },
    json: { type: 'string' },
  },
})
const durationMs = Number(values.ms ?? (values.quick ? 100 : 1000))
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const workloads = choose(WORKLOADS, values.only)
const contenders = choose(CONTENDERS, values.contenders)

const figures = new Map<string, number[]>()
const failures: Record<string, string> = {}
for (const { name } of workloads) {
  for (let round = 0; round < rounds; round++) {
    for (const threads of [1, 2]) {
      for (const contender of contenders) {
        if (threads > 1 && !contender.threads) continue
        const key = `${name} ${contender.name} ${threads}`
        if (key in failures) continue
        try {
          const list = figures.get(key) ?? []
          list.push(await perform(contender, name, threads))
          figures.set(key, list)
        } catch (error) {
          failures[key] = String(error)
        }
      }
    }
  }
}

const rows: Row[] = [...figures].map(([key, list]) => {
  const [workload = '', contender = '', threads = ''] = key.split(' ')
  return {
    workload,
    contender,
    threads: Number(threads),
    operationsPerSecond: Math.round(median(list)),
    rounds: list.map(Math.round),
  }
})
const ratios = workloads.map(({ name }) => ({
  workload: name,
  /** Thread caches against the bare lock, 2 threads. */
  cachedToLock2: quotient(name, 'cached', 2, 'lock', 2),
  /** What a second thread brings. */
  scaling: Object.fromEntries(
    contenders.map(({ name: one }) => [one, quotient(name, one, 2, one, 1)]),
  ),
  /** One thread in a shared heap against an unshared one. */
  cachedToUnshared1: quotient(name, 'cached', 1, 'unshared', 1),
  cachedToThing2: quotient(name, 'cached', 2, 'thing', 2),
  cachedToTfjs2: quotient(name, 'cached', 2, 'tfjs', 2),
}))
/** The targets of the project: ratios of one run. */
const TARGETS: readonly {
  readonly workload: string
  readonly what: string
  readonly least: number
  readonly found: number | undefined
}[] = ratios.flatMap(({ workload, cachedToLock2, scaling, cachedToUnshared1 }) => [
  ...(workload === 'larson' || workload === 'xmalloc-test'
    ? [{ workload, what: '2 threads: caches / bare lock', least: 5, found: cachedToLock2 }]
    : []),
  ...(workload === 'glibc-thread' || workload === 'alloc-test'
    ? [{ workload, what: 'caches: 2 threads / 1', least: 1.7, found: scaling['cached'] }]
    : []),
  { workload, what: '1 thread: shared / unshared', least: 0.87, found: cachedToUnshared1 },
])
const recovery = measureRecovery(values.quick ? 20_000 : 300_000)
const result = {
  machine: machine(),
  node: process.versions.node,
  durationMs,
  rows,
  ratios,
  recovery,
  targets: TARGETS,
  failures,
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`)
print()

/** @returns Operations per second, all threads together. */
async function perform(
  contender: ThreadedContender,
  workload: string,
  threads: number,
): Promise<number> {
  const board = newBoard()
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const shared = contender.create(threads)
  const workers = Array.from({ length: threads }, (_, index) => {
    const order: RunOrder = { shared, workload, index, threads, board, gate }
    return new Worker(new URL('./bench.worker.ts', import.meta.url), { workerData: order })
  })
  try {
    await Promise.all(workers.map((worker) => next(worker)))
    const reports = workers.map((worker) => next<RunReport>(worker))
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
    const all = Promise.all(reports)
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, durationMs))])
    stop(board)
    return (await all).reduce((sum, { operations, ms }) => sum + (operations / ms) * 1000, 0)
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function next<Message>(worker: Worker): Promise<Message> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function choose<Named extends { readonly name: string }>(
  all: readonly Named[],
  names: string | undefined,
): readonly Named[] {
  if (names === undefined) return all
  return names.split(',').map((name) => {
    const found = all.find((one) => one.name === name)
    if (found !== undefined) return found
    throw new RangeError(`"${name}" is none of ${all.map((one) => one.name).join(', ')}`)
  })
}

function median(list: readonly number[]): number {
  const sorted = list.toSorted((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

function quotient(
  workload: string,
  a: string,
  aThreads: number,
  b: string,
  bThreads: number,
): number | undefined {
  const of = (contender: string, threads: number): number | undefined =>
    rows.find(
      (row) => row.workload === workload && row.contender === contender && row.threads === threads,
    )?.operationsPerSecond
  const [over, under] = [of(a, aThreads), of(b, bThreads)]
  return over === undefined || under === undefined ? undefined : Number((over / under).toFixed(2))
}

function print(): void {
  const lines = rows.map(
    ({ workload, contender, threads, operationsPerSecond }) =>
      `${workload.padEnd(14)} ${contender.padEnd(9)} ${threads} ${(operationsPerSecond / 1e6).toFixed(3).padStart(10)} M/s`,
  )
  const verdicts = TARGETS.flatMap(({ workload, what, least, found }) =>
    found === undefined
      ? []
      : [
          `${workload.padEnd(14)} ${what.padEnd(30)} ${found.toFixed(2).padStart(6)}  at least ${least}: ${found >= least ? 'met' : 'MISSED'}`,
        ],
  )
  process.stdout.write(
    `${[...lines, '', ...verdicts].join('\n')}\n${JSON.stringify({ ratios, recovery, failures }, null, 1)}\n`,
  )
}
