/** `vmalloc demo`: the traces that come with the package, on two Workers, ending in a table and a picture. */
import { mkdirSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { EXIT, UsageError } from '../exit.ts'
import { terminalMap } from '../map/terminal-map.ts'
import { pictureSubtitle, requirePicturePath, writePicture } from '../picture-file.ts'
import { tableReport } from '../report.ts'
import { runTraces } from '../run-traces.ts'
import { colorsFor } from '../terminal/colors.ts'
import { progressOn } from '../terminal/progress.ts'
import { plural } from '../terminal/text.ts'
import { readTraceFile } from '../trace/file.ts'
import { presetOption, type RunOptions, roundsOption, workersOption } from './options.ts'

const TRACES = fileURLToPath(new URL('../../traces/', import.meta.url))
/** The trace whose map is also drawn in the terminal: most of the three kinds in one heap. */
const SHOWN = 'redis'
const MAP_COLUMNS = 88
const MAP_ROWS = 12

interface DemoOptions extends RunOptions {
  readonly out: string
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('replay the recorded programs that come with vmalloc')
    .addOption(workersOption(2))
    .addOption(presetOption())
    .addOption(roundsOption())
    .option('--out <file>', 'where the picture goes: .svg or .png', 'out/vmalloc-demo.svg')
    .action(demo)
}

async function demo(options: DemoOptions): Promise<void> {
  const { workers, preset, rounds } = options
  const out = outputPath(options.out)
  const files = readdirSync(TRACES).filter((name) => name.endsWith('.mtr.gz'))
  const traces = files.map((name) => readTraceFile(join(TRACES, name)))
  const colors = colorsFor(process.stdout)
  const where = workers > 0 ? `on ${plural(workers, 'Worker')}` : 'on one thread'
  console.log(
    `Replaying ${plural(traces.length, 'recorded program')} ${where}; every payload is filled and verified.\n`,
  )
  const progress = progressOn(process.stderr, true)
  const run = await runTraces(traces, { workers, preset, rounds, maps: true }, progress)
  for (const line of tableReport(run.results, { preset, workers, rounds }, run.seconds, colors)) {
    console.log(line)
  }
  const shown = run.panels.find((panel) => panel.title === SHOWN)
  if (shown !== undefined) {
    console.log(`\n${colors.bold(shown.title)} at its peak: ${shown.caption}\n`)
    const map = { colors, columns: MAP_COLUMNS, maxRows: MAP_ROWS }
    for (const line of terminalMap(shown.map, map)) console.log(line)
  }
  writePicture(out, {
    title: `${plural(traces.length, 'real program')} on vmalloc`,
    subtitle: pictureSubtitle(options),
    panels: run.panels,
  })
  console.log(`\npicture of all ${traces.length}: ${out}`)
  if (run.results.some((result) => result.errors > 0)) process.exitCode = EXIT.failed
}

/** Relative to where the person is: a package manager runs scripts in the package's folder, and says where it was called. */
function outputPath(file: string): string {
  const path = resolve(process.env['INIT_CWD'] ?? '.', file)
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (error) {
    throw new UsageError(`${path}: cannot be written (${(error as Error).message})`)
  }
  requirePicturePath(path)
  return path
}
