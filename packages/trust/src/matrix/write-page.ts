/** Writes `docs/misuse.md`. */
import { writeFileSync } from 'node:fs'
import { misusePage } from './page.ts'
import { ROWS } from './rows.ts'
import { runAll } from './run.ts'

const outcomes = runAll(ROWS)
for (const [id, results] of outcomes) {
  for (const { failures } of results) for (const text of failures) console.error(`${id}: ${text}`)
}
writeFileSync(new URL('../../../../docs/misuse.md', import.meta.url), misusePage(outcomes))
