/** `vmalloc replay`: recorded traces on a heap, verified and measured. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { EXIT, UsageError } from '../exit.ts'
import { drawPicture } from '../map/svg.ts'
import { jsonReport, tableReport } from '../report.ts'
import { runTraces } from '../run-traces.ts'
import { colorsFor } from '../terminal/colors.ts'
import { progressOn } from '../terminal/progress.ts'
import { plural } from '../terminal/text.ts'
import { readTraceFile } from '../trace/file.ts'
import { presetOption, type RunOptions, roundsOption, workersOption } from './options.ts'

interface ReplayCommandOptions extends RunOptions {
  readonly map?: string
  readonly json?: boolean
}

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('replay recorded allocation traces; exit code 1 when the heap made a mistake')
    .argument('<trace...>', 'MTR1 files, plain or gzip')
    .addOption(workersOption(0))
    .addOption(presetOption())
    .addOption(roundsOption())
    .option('--map <file.svg>', 'draw the address space at the moment of peak live')
    .option('--json', 'print one JSON object instead of a table')
    .action(replay)
}

async function replay(files: readonly string[], options: ReplayCommandOptions): Promise<void> {
  // All files before the first replay: a wrong one should not cost minutes.
  const traces = files.map((file) => readTraceFile(file))
  const { workers, preset, rounds, map, json = false } = options
  const progress = progressOn(process.stderr, true)
  const run = await runTraces(
    traces,
    { workers, preset, rounds, maps: map !== undefined },
    progress,
  )
  const report = { preset, workers, rounds }
  if (json) console.log(jsonReport(run.results, report))
  else
    for (const line of tableReport(run.results, report, run.seconds, colorsFor(process.stdout)))
      console.log(line)
  if (map !== undefined) {
    writePicture(map, {
      title:
        traces.length === 1
          ? `${traces[0].name} on vmalloc`
          : `${plural(traces.length, 'trace')} on vmalloc`,
      subtitle: pictureSubtitle(options),
      panels: run.panels,
    })
    if (!json) console.log(`map: ${map}`)
  }
  if (run.results.some((result) => result.errors > 0)) process.exitCode = EXIT.failed
}

export function pictureSubtitle({ preset, workers }: RunOptions): string {
  const who = workers > 0 ? `${plural(workers, 'worker')} on one shared heap` : 'one thread'
  return `The address space at the moment of peak live, preset ${preset}, ${who}`
}

/** @throws {@link UsageError} When the file cannot be written. */
export function writePicture(file: string, picture: Parameters<typeof drawPicture>[0]): void {
  try {
    writeFileSync(file, drawPicture(picture))
  } catch (error) {
    throw new UsageError(`${file}: cannot be written (${(error as Error).message})`)
  }
}
