/** The command line of `run bench`. */
import { readdirSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { ContenderEntry } from './contenders/contender.ts'
import { CONTENDERS, contenderNamed, OURS } from './contenders/index.ts'
import type { Effort } from './jobs.ts'
import { TRACES } from './paths.ts'
import { WORKLOADS } from './workloads/index.ts'
import type { Workload } from './workloads/workload.ts'

export const HELP = `Measures vmalloc against the allocators of the registry.

  npx -y pnpm@12.21.0 run bench [-- OPTION...]

  --quick               one round of tiny samples and two traces: does it run?
  --rounds N            fresh processes per figure, contenders in turn (default 5)
  --only NAME,...       parts of names of workloads and traces, or: traces, startup, size
  --contenders NAME,... only these, and vmalloc
  --traces DIR          more recorded traces (*.mtr, *.mtr.gz); may be given again
  --json FILE           machine, versions, rows and traces as JSON
  --help
`

/** What a run is asked to do. */
export interface Options {
  readonly quick: boolean
  readonly rounds: number
  readonly effort: Effort
  readonly workloads: readonly Workload[]
  readonly contenders: readonly ContenderEntry[]
  /** Files. */
  readonly traces: readonly string[]
  readonly startup: boolean
  readonly size: boolean
  readonly json: string | undefined
  /** Everything was measured thoroughly: fit to be the committed result. */
  readonly complete: boolean
}

const FULL: Effort = { sampleMs: 50, samples: 5, limitMs: 5000 }
const QUICK: Effort = { sampleMs: 10, samples: 1, limitMs: 250 }
const FULL_ROUNDS = 5
const QUICK_TRACES = 2
/** With fewer processes a median is no median. */
const LEAST_ROUNDS = 3

/**
 * @param args - Without program and script.
 * @param cwd - What relative paths refer to: where the user stood, not where the package manager runs scripts.
 * @returns The options, or `undefined` when help was asked for.
 * @throws Error with one clear line.
 */
export function readOptions(args: readonly string[], cwd: string): Options | undefined {
  const { values } = parseArgs({
    // The package manager passes its own separators on.
    args: args.filter((arg) => arg !== '--'),
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      contenders: { type: 'string' },
      traces: { type: 'string', multiple: true },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const { quick, only, json } = values
  const wanted = matcher(only)
  const traces = [TRACES, ...(values.traces ?? []).map((dir) => absolute(dir, cwd))].flatMap(
    traceFiles,
  )
  const named = uniqueByName(traces).filter((file) => wanted(traceName(file), 'traces'))
  const options: Options = {
    quick,
    rounds: values.rounds === undefined ? (quick ? 1 : FULL_ROUNDS) : wholeNumber(values.rounds),
    effort: quick ? QUICK : FULL,
    workloads: WORKLOADS.filter(
      (workload) => wanted(workload.name) && !(quick && workload.slow === true),
    ),
    contenders: chosenContenders(values.contenders),
    traces: quick ? named.slice(0, QUICK_TRACES) : named,
    startup: wanted('startup'),
    size: wanted('size'),
    json: json === undefined ? undefined : absolute(json, cwd),
    complete: false,
  }
  const tasks = [
    ...WORKLOADS.map(({ name }) => name),
    ...uniqueByName(traces).map(traceName),
    'traces',
    'startup',
    'size',
  ]
  for (const part of partsOf(only)) {
    if (!tasks.some((task) => task.includes(part)))
      throw new Error(`--only ${part}: no workload and no trace of such a name`)
  }
  const thorough = !quick && options.rounds >= LEAST_ROUNDS
  return {
    ...options,
    complete: thorough && only === undefined && values.contenders === undefined,
  }
}

/** `redis` for `/traces/redis.mtr.gz`. */
export function traceName(file: string): string {
  return file.replace(/^.*\//, '').replace(/\.mtr(\.gz)?$/, '')
}

function matcher(only: string | undefined): (...names: string[]) => boolean {
  if (only === undefined) return () => true
  const parts = partsOf(only)
  // `pairs-16` means itself, not `pairs-16k` too.
  const exact = new Set(WORKLOADS.map(({ name }) => name))
  return (...names) =>
    names.some((name) =>
      parts.some((part) => (exact.has(part) ? name === part : name.includes(part))),
    )
}

function partsOf(only: string | undefined): string[] {
  return only?.split(',').filter((part) => part !== '') ?? []
}

function chosenContenders(list: string | undefined): readonly ContenderEntry[] {
  if (list === undefined) return CONTENDERS
  const names = new Set([OURS, ...list.split(',').filter((name) => name !== '')])
  return [...names].map(contenderNamed)
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 1000) {
    throw new Error(`--rounds ${text}: it must be a whole number from 1 to 1000`)
  }
  return value
}

function absolute(path: string, cwd: string): string {
  return isAbsolute(path) ? path : resolve(cwd, path)
}

/** Traces in a folder, small files first by name: the order of the tables. */
function traceFiles(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => /\.mtr(\.gz)?$/.test(name))
    .sort()
    .map((name) => join(dir, name))
}

function uniqueByName(files: readonly string[]): string[] {
  return [...new Map(files.map((file) => [traceName(file), file])).values()]
}
