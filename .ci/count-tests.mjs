/**
 * Sums the tests of one run and prints `N passed, N failed` as its last line. Arguments: the names of failed steps.
 *
 * The manifests say which packages have tests, turbo's run summary how each command ended, and each package's
 * `.cache/test-results.json` how many tests that were. Where these disagree the worst one counts: a command that failed
 * without a failed test (a crash, a file that does not load, an unhandled error) is one failure, and so is a package
 * that never ran because its build failed; a package that passes without a report is one test.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const RUNS = '.turbo/runs'
const PACKAGES = 'packages'
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))

const failedSteps = process.argv.slice(2)
let passed = 0
let failed = 0
let skipped = 0
const failures = []

/** Exit codes of the tasks called `test`, by package; turbo leaves out tasks whose dependencies failed. */
const exitCodes = new Map(
  (existsSync(RUNS) ? readdirSync(RUNS) : [])
    .flatMap((file) => readJson(join(RUNS, file)).tasks)
    .filter(({ task }) => task === 'test')
    .map(({ package: name, execution }) => [name, execution?.exitCode]),
)

const tested = readdirSync(PACKAGES)
  .map((folder) => join(PACKAGES, folder))
  .filter((directory) => existsSync(join(directory, 'package.json')))
  .map((directory) => ({ directory, ...readJson(join(directory, 'package.json')) }))
  .filter(({ scripts }) => scripts?.test)

for (const { name, directory } of tested) {
  const file = join(directory, '.cache/test-results.json')
  const report = existsSync(file) ? readJson(file) : undefined
  const exitCode = exitCodes.get(name)
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
if (passed + failed === 0) {
  failed++
  failures.push('no test ran')
}

if (skipped > 0) console.log(`${skipped} skipped`)
for (const failure of failures) console.log(`FAILED ${failure}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
