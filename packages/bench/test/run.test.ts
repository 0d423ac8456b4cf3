/** The command itself: it runs, keeps what it promises, and speaks clearly when it cannot. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CACHE, PACKAGE, SOURCE_CONDITION } from '../src/paths.ts'
import type { Results } from '../src/results.ts'

const SLOW_MS = 180_000
mkdirSync(CACHE, { recursive: true })
const temporary = mkdtempSync(join(CACHE, 'test-'))

afterAll(() => rmSync(temporary, { recursive: true, force: true }))

function runsInCache(): string[] {
  return readdirSync(CACHE).filter((name) => name.startsWith('run-'))
}

function bench(...args: string[]) {
  const program = [`--conditions=${SOURCE_CONDITION}`, join(PACKAGE, 'src/main.ts'), ...args]
  return spawnSync(process.execPath, program, {
    encoding: 'utf8',
    env: { ...process.env, INIT_CWD: temporary },
  })
}

describe('a quick run', { timeout: SLOW_MS }, () => {
  const args = ['--', '--quick', '--only', 'pairs-16k,churn-small,realloc,convert,startup,size']
  // Of other runs, which may be going on.
  const snapshots = new Set(runsInCache())
  const latest = join(PACKAGE, 'results/latest.md')
  const before = existsSync(latest) ? readFileSync(latest, 'utf8') : undefined
  let status: number | null
  let stdout: string
  let stderr: string

  beforeAll(() => {
    const chosen = ['--contenders', 'fused,codemix,harfbuzzjs,empty']
    ;({ status, stdout, stderr } = bench(...args, ...chosen, '--json', 'out/results.json'))
  }, SLOW_MS)

  const results = (): Results =>
    JSON.parse(readFileSync(join(temporary, 'out/results.json'), 'utf8')) as Results

  test('succeeds and prints the tables', () => {
    expect(stderr).toMatch(/cores, load/)
    expect(status, stderr).toBe(0)
    for (const heading of ['Speed', 'Recorded traces', 'Footprint', 'Start-up', 'Code size']) {
      expect(stdout).toContain(`\n## ${heading}`)
    }
    expect(stdout).toContain('\n## Where we lose\n')
  })

  test('writes the promised JSON where the user stood', () => {
    const { machine, versions, rows, traces } = results()
    expect(machine).toMatchObject({ cpu: expect.any(String), cores: expect.any(Number) })
    expect(versions).toMatchObject({
      node: process.versions.node,
      malloc: '1.1.0',
      harfbuzzjs: '1.6.4',
    })
    for (const row of rows) {
      expect(row).toMatchObject({
        workload: expect.stringMatching(/^(pairs-16k|churn-small|realloc-growth)$/),
        contender: expect.any(String),
        nsPerOp: expect.any(Number),
      })
    }
    const names = (workload: string): string[] =>
      rows.filter((row) => row.workload === workload).map((row) => row.contender)
    expect(names('churn-small')).toEqual(['vmalloc', 'fused', 'codemix', 'harfbuzzjs', 'empty'])
    expect(names('realloc-growth'), 'only those that have it').toEqual([
      'vmalloc',
      'fused',
      'empty',
    ])
    expect(traces.map(({ trace, contender }) => `${trace} ${contender}`)).toContain(
      'convert harfbuzzjs',
    )
  })

  test('relates every figure to ours', () => {
    const { rows } = results()
    for (const row of rows) {
      const ours = rows.find((r) => r.workload === row.workload && r.contender === 'vmalloc')
      expect(ours?.ratioToOurs).toBe(1)
      if (row.nsPerOp !== null && row.nsPerOp > 0) {
        expect(row.ratioToOurs).toBeCloseTo(row.nsPerOp / (ours?.nsPerOp ?? 0), 3)
      }
    }
  })

  test('accounts for every byte that our heap had mapped', () => {
    const row = results().traces.find(({ contender }) => contender === 'vmalloc')
    const { payload = 0, internal = 0, marks = 0, external = 0, meta = 0 } = row?.parts ?? {}
    expect(payload).toBe(row?.peakLive)
    for (const bytes of [internal, marks, external, meta]) expect(bytes).toBeGreaterThanOrEqual(0)
    expect(payload + internal + marks + external + meta).toBeLessThanOrEqual(row?.peakMapped ?? 0)
  })

  test('weighs the code: compressed is smaller, all is more than a part', () => {
    const { size } = results()
    for (const { minified, gzip, brotli } of size) {
      expect(gzip).toBeLessThan(minified)
      expect(brotli).toBeLessThan(gzip)
      expect(brotli).toBeGreaterThan(500)
    }
    const brotliOf = (name: string): number => size.find((row) => row.name === name)?.brotli ?? 0
    expect(brotliOf('six packages together')).toBeGreaterThan(brotliOf('@vmalloc/memory'))
  })

  test('leaves the committed results alone, and no snapshot behind', () => {
    expect(existsSync(latest) ? readFileSync(latest, 'utf8') : undefined).toBe(before)
    const raw = /^raw results: (.*raw-.*\.json)$/m.exec(stderr)?.[1] ?? ''
    expect(JSON.parse(readFileSync(raw, 'utf8'))).toEqual(results())
    rmSync(raw)
    expect(runsInCache().filter((name) => !snapshots.has(name))).toEqual([])
  })
})

test.each([
  [['--only', 'nonsense'], /no workload and no trace/],
  [['--only', 'pairs-16,nonsense'], /--only nonsense: no workload/],
  [['--contenders', 'jemalloc'], /no contender "jemalloc"; there are vmalloc, /],
  [['--rounds', '0'], /--rounds 0: it must be a whole number/],
  [['--traces', 'nowhere'], /nowhere/],
  [['--fast'], /--fast/],
])('%j is refused in one line, exit code 2', (args, message) => {
  const { status, stderr, stdout } = bench(...args)
  expect(stderr).toMatch(message)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(stdout).toBe('')
  expect(status).toBe(2)
})
