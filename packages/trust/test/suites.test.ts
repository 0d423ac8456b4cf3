/** Cases of other suites: all of them are caught or harmless in `debug`, and the page says what they are in `default`. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { rowsOf, SUITES, suitesPage } from '../src/suites/page.ts'

/** `malloc(0)` is served as `malloc(1)`: its one byte may be used. */
const ONE_BYTE_BLOCKS = ['read_zero_size', 'write_zero_size', 'write_zero_size_free']

const rows = SUITES.map(rowsOf)

test.each(SUITES.map(({ name }, index) => ({ name, index })))(
  '$name: nothing escapes `debug`',
  ({ index }) => {
    const escaped = rows[index]
      .filter(({ verdicts }) => verdicts.debug === 'not caught')
      .map(({ name }) => name)
    expect(escaped.filter((name) => !ONE_BYTE_BLOCKS.includes(name))).toEqual([])
  },
)

test('docs/suites.md is what was found', () => {
  const page = readFileSync(new URL('../../../docs/suites.md', import.meta.url), 'utf8')
  expect(page).toBe(suitesPage(rows))
})
