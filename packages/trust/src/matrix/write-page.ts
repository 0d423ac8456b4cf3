/** Writes `docs/misuse.md` and `docs/suites.md`. */
import { writeFileSync } from 'node:fs'
import { rowsOf, SUITES, suitesPage } from '../suites/page.ts'
import { misusePage } from './page.ts'
import { ROWS } from './rows.ts'
import { runAll } from './run.ts'

const outcomes = runAll(ROWS)
for (const [id, results] of outcomes) {
  for (const { failures } of results) for (const text of failures) console.error(`${id}: ${text}`)
}
writeFileSync(new URL('../../../../docs/misuse.md', import.meta.url), misusePage(outcomes))
writeFileSync(
  new URL('../../../../docs/suites.md', import.meta.url),
  suitesPage(SUITES.map(rowsOf)),
)
