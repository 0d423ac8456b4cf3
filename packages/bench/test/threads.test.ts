/** The benchmarks of threads run, and give figures of the promised shape; nothing is said about time. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const MAIN = join(import.meta.dirname, '../src/threads/main.ts')
const run = promisify(execFile)

test('every contender survives larson and xmalloc-test', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmalloc-threads-'))
  const file = join(folder, 'result.json')
  try {
    const options = ['--quick', '--ms', '400', '--only', 'larson,xmalloc-test', '--json', file]
    await run(process.execPath, ['--conditions=@vmalloc/source', MAIN, ...options])
    const { rows, ratios, recovery, failures } = JSON.parse(readFileSync(file, 'utf8')) as {
      rows: { workload: string; contender: string; threads: number; operationsPerSecond: number }[]
      ratios: object[]
      recovery: { blocks: number; msPerMillionBlocks: number }
      failures: object
    }
    expect(failures).toEqual({})
    expect(rows).toHaveLength(2 * (5 + 4))
    // On a busy machine some do not come to the end of their first round in so short a time, but not all.
    expect(Math.max(...rows.map(({ operationsPerSecond }) => operationsPerSecond))).toBeGreaterThan(
      0,
    )
    expect(ratios).toHaveLength(2)
    expect(recovery.msPerMillionBlocks).toBeGreaterThan(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
