/** `vmalloc inspect`: what is in a heap that `heap.snapshot()` wrote to a file. */
import { readFileSync } from 'node:fs'
import type { Heap } from '@vmalloc/core'
import type { Command } from 'commander'
import { EXIT, UsageError } from '../exit.ts'
import { terminalMap } from '../map/terminal-map.ts'
import { damageFound, restoreSnapshot } from '../snapshot-file.ts'
import { type Colors, colorsFor } from '../terminal/colors.ts'
import { plainTable, tableLines } from '../terminal/table.ts'
import { bytesText, countText, hex, plural } from '../terminal/text.ts'
import { readProblem, unpack } from '../trace/file.ts'

const MAP_COLUMNS = 88
const MAP_ROWS = 16

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('print statistics of a heap snapshot, draw its map, check it')
    .argument('<file>', 'what heap.snapshot() gave, as it is or gzip’d')
    .action(inspect)
}

function inspect(file: string): void {
  const colors = colorsFor(process.stdout)
  const bytes = readSnapshot(file)
  const heap = restoreSnapshot(file, bytes)
  const { shared, base, byteLength } = heap.memory
  const kind = shared ? 'shared between threads' : 'of one thread'
  console.log(`${colors.bold(file)}: ${bytesText(bytes.length)}`)
  console.log(`heap ${kind}, at ${hex(base)} in ${bytesText(byteLength)}\n`)
  const problem = damageFound(() => {
    for (const line of statsLines(heap, colors)) console.log(line)
    console.log('')
    const map = { colors, columns: MAP_COLUMNS, maxRows: MAP_ROWS }
    for (const line of terminalMap(heap.map(), map)) console.log(line)
    heap.check()
  })
  console.log(problem === undefined ? '\ncheck: all invariants hold' : `\ncheck: ${problem}`)
  if (problem !== undefined) process.exitCode = EXIT.failed
}

function readSnapshot(file: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new UsageError(`${file}: ${readProblem(error as NodeJS.ErrnoException)}`)
  }
  return unpack(bytes)
}

function statsLines(heap: Heap, colors: Colors): string[] {
  const stats = heap.stats()
  const { counts, free, waste } = stats
  const table = plainTable(['', 'bytes', ''], 'lrl', colors)
  const row = (name: string, bytes: number, note = ''): void => {
    table.push([name, countText(bytes), note])
  }
  const kinds = `${countText(counts.small)} small, ${countText(counts.medium)} medium, ${countText(counts.large)} large`
  row('live', stats.live, `${plural(stats.blocks, 'block')}: ${kinds}`)
  row('peak live', stats.peakLive)
  row('mapped', stats.mapped, `of these ${countText(stats.meta)} for bookkeeping`)
  row('peak mapped', stats.peakMapped)
  row('reserved', stats.reserved, `${countText(free.pages)} in free pages`)
  row('waste inside blocks', waste.internal, stats.slack === null ? 'marks' : 'marks and slack')
  row(
    'waste between blocks',
    waste.external,
    `free: ${countText(free.small)} small, ${countText(free.medium)} medium`,
  )
  for (const { maxPayload, chunkSize, chunks, free: unused } of stats.small) {
    if (chunks > 0)
      row(
        `pool up to ${maxPayload}`,
        chunks * chunkSize,
        `${plural(chunks, 'chunk')}, ${unused} free`,
      )
  }
  if (stats.medium !== undefined && stats.medium.regions > 0) {
    row('medium regions', stats.medium.obtained, plural(stats.medium.regions, 'region'))
  }
  return tableLines(table)
}
