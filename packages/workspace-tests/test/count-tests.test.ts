/** The counting of `.ci/run`: whatever goes wrong in a package or a step must show in the last line. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ROOT } from '../src/workspace.ts'

const COUNT = join(ROOT, '.ci/count-tests.mjs')
const CACHE = join(import.meta.dirname, '../.cache')

interface Package {
  /** How its test command ended; absent: it did not run. */
  readonly exitCode?: number
  /** What its report says; absent: it left none. */
  readonly report?: object
}

const report = (passed: number, failed = 0, skipped = 0, success = failed === 0) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  numPendingTests: skipped,
  success,
})

let root: string

beforeEach(() => {
  mkdirSync(CACHE, { recursive: true })
  root = mkdtempSync(join(CACHE, 'counted-'))
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

const writeJson = (file: string, content: object): void =>
  writeFileSync(file, JSON.stringify(content))

function count(packages: Record<string, Package>, ...failedSteps: string[]) {
  for (const [name, { report: content }] of Object.entries(packages)) {
    const directory = join(root, 'packages', name)
    mkdirSync(join(directory, '.cache'), { recursive: true })
    writeJson(join(directory, 'package.json'), { name, scripts: { test: 'vitest run' } })
    if (content) writeJson(join(directory, '.cache/test-results.json'), content)
  }
  const tasks = Object.entries(packages)
    .filter(([, { exitCode }]) => exitCode !== undefined)
    .map(([name, { exitCode }]) => ({ task: 'test', package: name, execution: { exitCode } }))
  mkdirSync(join(root, 'packages/untested'), { recursive: true })
  writeJson(join(root, 'packages/untested/package.json'), { name: 'untested' })
  mkdirSync(join(root, '.turbo/runs'), { recursive: true })
  const build = { task: 'build', package: 'a', execution: { exitCode: 1 } }
  writeJson(join(root, '.turbo/runs/1.json'), { tasks })
  writeJson(join(root, '.turbo/runs/2.json'), { tasks: [build] })
  const { status, stdout } = spawnSync(process.execPath, [COUNT, ...failedSteps], {
    cwd: root,
    encoding: 'utf8',
  })
  const lines = stdout.trimEnd().split('\n')
  return { status, last: lines.at(-1), before: lines.slice(0, -1) }
}

test('sums the tests of all packages', () => {
  expect(
    count({ a: { exitCode: 0, report: report(3) }, b: { exitCode: 0, report: report(4, 0, 2) } }),
  ).toEqual({ status: 0, last: '7 passed, 0 failed', before: ['2 skipped'] })
})

test('counts failed tests once, not again for the failed command and the failed step', () => {
  expect(count({ a: { exitCode: 1, report: report(3, 2) } }, 'test')).toEqual({
    status: 1,
    last: '3 passed, 2 failed',
    before: ['FAILED a: 2 tests'],
  })
})

test.each<[string, Package, string]>([
  ['fails without a failed test', { exitCode: 1, report: report(3) }, '3 passed, 1 failed'],
  [
    'has a file that does not load',
    { exitCode: 1, report: report(3, 0, 0, false) },
    '3 passed, 1 failed',
  ],
  ['crashes before its report', { exitCode: 134 }, '0 passed, 1 failed'],
  ['never ran, its build being broken', {}, '0 passed, 1 failed'],
])('a package that %s is one failure', (_, state, last) => {
  expect(count({ a: state }, 'test')).toMatchObject({ status: 1, last })
})

test('a package that passes without a report is one test, and is named', () => {
  expect(count({ a: { exitCode: 0 } })).toEqual({
    status: 0,
    last: '1 passed, 0 failed',
    before: ['a: no report, counted as one test'],
  })
})

test('each failed step is one failure, and is named', () => {
  expect(count({ a: { exitCode: 0, report: report(3) } }, 'lint', 'pkg')).toEqual({
    status: 1,
    last: '3 passed, 2 failed',
    before: ['FAILED step lint', 'FAILED step pkg'],
  })
})

test('a test command that fails before any package ran is a failure', () => {
  expect(count({}, 'test')).toMatchObject({ status: 1, last: '0 passed, 1 failed' })
})

test('no test at all is a failure, even if every step says it is fine', () => {
  expect(count({})).toMatchObject({ status: 1, last: '0 passed, 1 failed' })
})
