/**
 * Leaves the counts of a `node --test` run where vitest leaves its JSON report, in the same words, so that `.ci/run`
 * reads one format. Suites are not counted, only tests.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of the package whose tests run. */
const CACHE = join(process.cwd(), '.cache')

export default async function* countingReporter(source) {
  const counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 }
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.details?.type === 'suite') continue
    if (type === 'test:fail') counts.numFailedTests++
    else if (data.skip !== undefined || data.todo !== undefined) counts.numPendingTests++
    else counts.numPassedTests++
  }
  mkdirSync(CACHE, { recursive: true })
  const report = { ...counts, success: counts.numFailedTests === 0 }
  writeFileSync(join(CACHE, 'test-results.json'), JSON.stringify(report))
  yield 'JSON report written to .cache/test-results.json\n'
}
