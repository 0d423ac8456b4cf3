/** `vmalloc map`: the address space of a snapshot, of a trace at its peak, or of programs under preload, as a picture. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { decodeTrace, TraceError } from '@vmalloc/trace'
import type { Command } from 'commander'
import type { Preset } from '../core-heap.ts'
import { DamageError, EXIT, UsageError } from '../exit.ts'
import type { Picture } from '../map/layout.ts'
import { holdsProgramMaps, programMaps } from '../map/program-maps.ts'
import { pictureSubtitle, requirePicturePath, writePicture } from '../picture-file.ts'
import { runTraces } from '../run-traces.ts'
import { damageFound, restoreSnapshot } from '../snapshot-file.ts'
import { progressOn } from '../terminal/progress.ts'
import { bytesText, plural } from '../terminal/text.ts'
import { traceName, unpack } from '../trace/file.ts'
import { presetOption } from './options.ts'

interface MapCommandOptions {
  readonly output: string
  readonly preset: Preset
}

const TRACE_MAGIC = 'MTR1'

export function addMap(program: Command): void {
  program
    .command('map')
    .description('draw the address space of a snapshot, or of a trace at its peak, as SVG or PNG')
    .argument(
      '<file>',
      'a snapshot (heap.snapshot()), an MTR1 trace, or maps of @vmalloc/preload; plain or gzip',
    )
    .requiredOption('-o, --output <file>', 'where the picture goes: .svg or .png')
    .addOption(presetOption())
    .action(map)
}

async function map(file: string, { output, preset }: MapCommandOptions): Promise<void> {
  requirePicturePath(output)
  const bytes = readInput(file)
  writePicture(output, await pictureOf(file, bytes, preset))
  console.log(`map: ${output}`)
}

async function pictureOf(file: string, bytes: Uint8Array, preset: Preset): Promise<Picture> {
  if (holdsProgramMaps(bytes)) return programMaps(basename(file), bytes)
  const magic = String.fromCharCode(...bytes.subarray(0, TRACE_MAGIC.length))
  return magic === TRACE_MAGIC ? ofTrace(file, bytes, preset) : ofSnapshot(file, bytes)
}

/** @throws {@link UsageError} or `TraceError`, with the file's name. */
function readInput(file: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new UsageError(`${file}: cannot be read (${(error as Error).message})`)
  }
  return named(file, () => unpack(bytes))
}

async function ofTrace(file: string, bytes: Uint8Array, preset: Preset): Promise<Picture> {
  const trace = named(file, () => decodeTrace(bytes, traceName(file)))
  const options = { workers: 0, preset, rounds: 0 }
  const progress = progressOn(process.stderr, true)
  const { results, panels } = await runTraces([trace], { ...options, maps: true }, progress)
  if (results.some(({ errors }) => errors > 0)) process.exitCode = EXIT.failed
  return { title: `${trace.name} on vmalloc`, subtitle: pictureSubtitle(options), panels }
}

/** @throws {@link UsageError} for a snapshot that is none; {@link DamageError} for one that cannot be walked. */
function ofSnapshot(file: string, bytes: Uint8Array): Picture {
  const heap = restoreSnapshot(file, bytes)
  const name = basename(file)
  let picture: Picture | undefined
  const damage = damageFound(() => {
    const { blocks, live, mapped } = heap.stats()
    const caption = `${plural(blocks, 'block')} in use, ${bytesText(live)} live, ${bytesText(mapped)} mapped`
    picture = {
      title: `Heap of ${name}`,
      subtitle: 'The address space at the moment of the snapshot',
      panels: [{ title: name, caption, map: heap.map() }],
    }
  })
  if (picture === undefined) throw new DamageError(`${file}: damaged: ${damage}`)
  return picture
}

/** Errors of a file name it. */
function named<Result>(file: string, body: () => Result): Result {
  try {
    return body()
  } catch (error) {
    if (error instanceof TraceError) {
      throw new UsageError(`${file}: ${error.message}`)
    }
    throw error
  }
}
