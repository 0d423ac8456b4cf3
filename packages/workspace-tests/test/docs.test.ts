/**
 * The pages of `docs/` are true: every block of TypeScript runs and asserts something. And links lead somewhere, here
 * and in every README.
 *
 * The examples run inside of `packages/core`, where all layers resolve as they do for users.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsOf, linksOf, type Program, programsOf, withAssertions } from '../src/markdown.ts'
import { PACKAGES, ROOT } from '../src/workspace.ts'

const TIMEOUT_MS = 60_000
const SCRATCH = join(PACKAGES, 'core/.cache/docs')

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

const examples: [name: string, program: Program][] = globSync('docs/*.md', { cwd: ROOT })
  .sort()
  .flatMap((file) =>
    programsOf(read(file)).map((program, index): [string, Program] => [
      `${file} ${index + 1}`,
      program,
    ]),
  )

test('there are examples to run', () => {
  expect(examples.length).toBeGreaterThan(0)
})

test.each(examples)(
  'example %s runs, and what it asserts holds',
  {
    timeout: TIMEOUT_MS,
  },
  (name, program) => {
    const folder = join(SCRATCH, name.replaceAll(/[/ ]/g, '-'))
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    let count = 0
    for (const [file, text] of program) {
      const asserting = withAssertions(text)
      count += asserting.count
      writeFileSync(join(folder, file), asserting.code)
    }
    expect(count).toBeGreaterThan(0)
    const output = execFileSync(
      process.execPath,
      ['--conditions=@vmalloc/source', '--no-warnings', join(folder, 'main.ts')],
      { cwd: folder, encoding: 'utf8', timeout: TIMEOUT_MS },
    )
    expect(output).toBe('')
  },
)

const pages = globSync(['*.md', 'docs/*.md', 'packages/*/README.md'], { cwd: ROOT }).sort()

describe.each(pages)('%s', (page) => {
  test('its links lead to files and headings that exist', () => {
    const dead = linksOf(read(page)).filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(ROOT, target))) return true
      return anchor !== undefined && !anchorsOf(read(target)).has(anchor)
    })
    expect(dead).toEqual([])
  })
})

test('a dead link is seen: to a file, to a heading; code is no link', () => {
  expect(linksOf('[a](b.md) [c](#d) [e](https://f) `[g](h)`\n```\n[i](j)\n```\n')).toEqual([
    'b.md',
    '#d',
  ])
  expect(anchorsOf('## 2. Words, and `code`\n```\n# no\n```\n')).toEqual(
    new Set(['2-words-and-code']),
  )
})

test('files of a program are found before and after its main.ts', () => {
  const block = (code: string): string => `text\n\`\`\`ts\n${code}\n\`\`\`\n`
  const names = (...codes: string[]): string[][] =>
    programsOf(codes.map(block).join('')).map((program) => [...program.keys()])
  expect(names('1', '2')).toEqual([['main.ts'], ['main.ts']])
  expect(names('1', '// a.ts', '// main.ts', '2')).toEqual([
    ['main.ts'],
    ['a.ts', 'main.ts'],
    ['main.ts'],
  ])
  expect(names('// main.ts', '// worker.ts', '// main.ts')).toEqual([
    ['main.ts', 'worker.ts'],
    ['main.ts'],
  ])
})
