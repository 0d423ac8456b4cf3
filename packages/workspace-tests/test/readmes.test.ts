/**
 * Runs the first example of the README of each lower package, as a program of its own inside that package, so that
 * imports resolve as they do for its users. A line `expression // => value` asserts.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { programsOf, withAssertions } from '../src/markdown.ts'
import { PACKAGES } from '../src/workspace.ts'

const TIMEOUT_MS = 60_000

test.each([
  ['memory', 3],
  ['marking', 4],
  ['small', 3],
  ['buddy', 3],
  ['large', 3],
])(
  'the example of @vmalloc/%s runs, and its %i assertions hold',
  { timeout: TIMEOUT_MS },
  (folder, assertions) => {
    const markdown = readFileSync(join(PACKAGES, folder, 'README.md'), 'utf8')
    const example = programsOf(markdown)[0]?.get('main.ts') ?? ''
    const { code, count } = withAssertions(example)
    expect(count).toBe(assertions)
    const scratch = join(PACKAGES, folder, '.cache/readme')
    rmSync(scratch, { recursive: true, force: true })
    mkdirSync(scratch, { recursive: true })
    const program = join(scratch, 'main.ts')
    writeFileSync(program, code)
    const output = execFileSync(
      process.execPath,
      ['--conditions=@vmalloc/source', '--no-warnings', program],
      { encoding: 'utf8', timeout: TIMEOUT_MS },
    )
    expect(output).toBe('')
  },
)
