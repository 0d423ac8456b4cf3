/**
 * Sums the tests of one run and prints `N passed, N failed` as its last line. Arguments: the names of failed steps.
 *
 * turbo's run summary says which packages were to be tested and how each command ended; each package's
 * `.cache/test-results.json` says how many tests that were. Where the two disagree the worse one counts: a command that
 * failed without a failed test (a crash, a file that does not load, an unhandled error) is one failure; a package that
 * passes without a report is one test.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const RUNS = '.turbo/runs'
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))

const failedSteps = process.argv.slice(2)
let passed = 0
let failed = 0
let skipped = 0
const failures = []

/** The tasks called `test` of all runs; the runs of other steps have none. */
const tasks = (existsSync(RUNS) ? readdirSync(RUNS) : [])
  .flatMap((file) => readJson(join(RUNS, file)).tasks)
  .filter(({ task }) => task === 'test')

for (const { package: name, directory, execution } of tasks) {
  const file = join(directory, '.cache/test-results.json')
  const report = existsSync(file) ? readJson(file) : undefined
  const exitCode = execution?.exitCode
  passed += report?.numPassedTests ?? (exitCode === 0 ? 1 : 0)
  skipped += report?.numPendingTests ?? 0
  failed += report?.numFailedTests ?? 0
  if (report?.numFailedTests > 0) failures.push(`${name}: ${report.numFailedTests} tests`)
  else if (exitCode !== 0 || report?.success === false) {
    failed++
    failures.push(`${name}: ${exitCode === undefined ? 'did not run' : 'failed outside any test'}`)
  }
  if (exitCode === 0 && !report) console.log(`${name}: no report, counted as one test`)
}

for (const step of failedSteps) {
  // A failed test step is counted already, through the tests that failed in it.
  if (step === 'test' && failed > 0) continue
  failed++
  failures.push(`step ${step}`)
}
if (tasks.length === 0 && failed === 0) {
  failed++
  failures.push('no test ran')
}

if (skipped > 0) console.log(`${skipped} skipped`)
for (const failure of failures) console.log(`FAILED ${failure}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
