/** `run bench`: measures, prints the tables, keeps the results. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { snapshotChild } from './bundle.ts'
import { CLOCK } from './clock.ts'
import { compileAssemblyScript } from './compile-assemblyscript.ts'
import { runTrace, runWorkload } from './conduct.ts'
import { CONTENDERS } from './contenders/index.ts'
import { HELP, type Options, readOptions, traceName } from './options.ts'
import { RESULTS } from './paths.ts'
import { drawChart } from './report/chart.ts'
import { keepInReadme } from './report/readme.ts'
import { markdown } from './report/tables.ts'
import type { Results, Row, TraceRow } from './results.ts'
import { measureSizes } from './size.ts'
import { measureStartup } from './startup.ts'
import { machine, versions } from './versions.ts'

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

async function measureAll(options: Options): Promise<Results> {
  const startMs = performance.now()
  const where = machine()
  say(`${where.cpu}, ${where.cores} cores, load ${where.loadBefore}, ${where.platform}`)
  const used = versions()
  say(
    Object.entries(used)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  )
  if (options.contenders.some(({ name }) => name === 'assemblyscript')) {
    await compileAssemblyScript()
  }
  const program = await snapshotChild()
  try {
    const measured = await measureWith(program, options, startMs)
    const { rounds, quick, complete } = options
    const date = new Date().toISOString().slice(0, 16)
    const run = { date, rounds, quick, complete, clock: CLOCK, seconds: seconds(startMs) }
    return { machine: where, versions: used, run, ...measured }
  } finally {
    rmSync(dirname(program), { recursive: true, force: true })
  }
}

async function measureWith(
  program: string,
  options: Options,
  startMs: number,
): Promise<Pick<Results, 'rows' | 'traces' | 'startup' | 'size'>> {
  const rows: Row[] = []
  const traces: TraceRow[] = []
  for (const workload of options.workloads) {
    say(`${seconds(startMs)} s  ${workload.name}`)
    rows.push(...(await runWorkload(program, workload, options)))
  }
  for (const file of options.traces) {
    say(`${seconds(startMs)} s  trace ${traceName(file)}`)
    traces.push(...(await runTrace(program, file, options)))
  }
  const startup = options.startup
    ? await measureStartup(
        program,
        options.contenders.filter(({ tasks }) => tasks === undefined),
        options.rounds,
      )
    : []
  const size = options.size ? await measureSizes() : []
  return { rows, traces, startup, size }
}

function seconds(startMs: number): number {
  return Math.round((performance.now() - startMs) / 1000)
}

/** Every run leaves its raw results; a complete one also becomes the committed table, chart and README section. */
function keep(results: Results, text: string, json: string | undefined): void {
  const raw = JSON.stringify(results, undefined, 1)
  mkdirSync(RESULTS, { recursive: true })
  const file = join(RESULTS, `raw-${results.run.date.replace(':', '')}.json`)
  writeFileSync(file, raw)
  say(`raw results: ${file}`)
  if (json !== undefined) {
    mkdirSync(dirname(json), { recursive: true })
    writeFileSync(json, raw)
  }
  if (!results.run.complete) return
  writeFileSync(join(RESULTS, 'latest.json'), `${raw}\n`)
  writeFileSync(join(RESULTS, 'latest.md'), text)
  writeFileSync(join(RESULTS, 'latest.svg'), drawChart(results))
  keepInReadme(results)
}

/** Whether one of ours failed at a task. What a rival cannot do, the notes of the report say; one that was cut has a figure. */
function failed({ rows, traces }: Results): boolean {
  const rivals = CONTENDERS.filter(({ role }) => role === 'rival').map(({ name }) => name)
  return [...rows, ...traces].some(
    ({ contender, nsPerOp }) => nsPerOp === null && !rivals.includes(contender),
  )
}

async function main(): Promise<number> {
  let options: Options | undefined
  try {
    options = readOptions(process.argv.slice(2), process.env['INIT_CWD'] ?? process.cwd())
  } catch (error) {
    say(`bench: ${(error as Error).message}`)
    return 2
  }
  if (options === undefined) {
    process.stdout.write(HELP)
    return 0
  }
  const results = await measureAll(options)
  const text = markdown(results)
  process.stdout.write(text)
  keep(results, text, options.json)
  return failed(results) ? 1 : 0
}

process.exitCode = await main()
