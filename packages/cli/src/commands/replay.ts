/** `vmalloc replay`: recorded traces on a heap, verified and measured. */
import type { Command } from 'commander'
import { EXIT } from '../exit.ts'
import { pictureSubtitle, requirePicturePath, writePicture } from '../picture-file.ts'
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
    .option('--map <file>', 'draw as .svg or .png the address space at the moment of peak live')
    .option('--json', 'print one JSON object instead of a table')
    .action(replay)
}

async function replay(files: readonly string[], options: ReplayCommandOptions): Promise<void> {
  const { workers, preset, rounds, map, json = false } = options
  if (map !== undefined) requirePicturePath(map)
  // All files before the first replay: a wrong one should not cost minutes.
  const traces = files.map((file) => readTraceFile(file))
  const progress = progressOn(process.stderr, true)
  const run = await runTraces(
    traces,
    { workers, preset, rounds, maps: map !== undefined },
    progress,
  )
  const report = { preset, workers, rounds }
  const lines = json
    ? [jsonReport(run.results, report)]
    : tableReport(run.results, report, run.seconds, colorsFor(process.stdout))
  console.log(lines.join('\n'))
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
