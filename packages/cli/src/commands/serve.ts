/** `vmalloc serve`: a heap of this very process in the browser: of a snapshot, or of a recorded program that runs on and on. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Heap } from '@vmalloc/core'
import { decodeTrace, type Trace } from '@vmalloc/trace'
import type { Command } from 'commander'
import { createHeap, type Preset } from '../core-heap.ts'
import { UsageError } from '../exit.ts'
import { Repeater } from '../replay/repeater.ts'
import { type ServeOptions, serve } from '../serve/index.ts'
import { restoreSnapshot } from '../snapshot-file.ts'
import { readProblem, traceName, unpack } from '../trace/file.ts'
import { integer, presetOption } from './options.ts'

interface ServeCommandOptions {
  readonly preset: Preset
  readonly port: number
  readonly page?: string
}

const EXAMPLE = fileURLToPath(new URL('../../traces/redis.mtr.gz', import.meta.url))
const TRACE_MAGIC = 'MTR1'
const MAXIMUM_BYTES = 512 * 2 ** 20
const MAX_PORT = 65_535

export function addServe(program: Command): void {
  program
    .command('serve')
    .description(
      'show a heap in the browser: a snapshot, or a recorded program that runs again and again',
    )
    .argument('[file]', 'a snapshot or an MTR1 trace, plain or gzip; by default a trace of Redis')
    .option('--port <n>', 'port on 127.0.0.1, 0: any that is free', integer(0, MAX_PORT), 0)
    .option('--page <folder>', 'the page, built elsewhere')
    .addOption(presetOption())
    .action(serveFile)
}

async function serveFile(file: string = EXAMPLE, options: ServeCommandOptions): Promise<void> {
  const bytes = read(file)
  const isTrace = String.fromCharCode(...bytes.subarray(0, TRACE_MAGIC.length)) === TRACE_MAGIC
  const { port, page } = options
  const common = { port, hold: true, ...(page !== undefined && { page }) }
  if (isTrace) await serveTrace(decodeTrace(bytes, traceName(file)), options.preset, common)
  else await announce(restoreSnapshot(file, bytes), { ...common, title: basename(file) })
}

async function serveTrace(trace: Trace, preset: Preset, common: ServeOptions): Promise<void> {
  const heap = createHeap({ shared: false, preset, maximum: MAXIMUM_BYTES })
  const repeater = new Repeater(trace, heap)
  const title = `${trace.name}, replayed by process ${process.pid}`
  await announce(heap, { ...common, title, requested: (payload) => repeater.requestedAt(payload) })
  repeater.start()
}

async function announce(heap: Heap, options: ServeOptions): Promise<void> {
  const { url } = await serve(heap, options)
  console.log(
    `${options.title}: open\n\n  ${url}\n\nOnly from this machine; it can look, not touch. Ctrl+C ends it.`,
  )
}

function read(file: string): Uint8Array {
  try {
    return unpack(readFileSync(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new UsageError(`${file}: ${readProblem(error as NodeJS.ErrnoException)}`)
  }
}
