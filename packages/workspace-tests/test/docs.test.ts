/**
 * The pages of `docs/` are true: every block of TypeScript runs, asserts something and has types that hold. And links lead somewhere, here
 * and in every README.
 *
 * The examples run inside of `packages/core`, where all layers resolve as they do for users.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
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

const folderOf = (name: string): string => join(SCRATCH, name.replaceAll(/[/ ]/g, '-'))

beforeAll(() => {
  rmSync(SCRATCH, { recursive: true, force: true })
  for (const [name, program] of examples) {
    mkdirSync(folderOf(name), { recursive: true })
    for (const [file, text] of program)
      writeFileSync(join(folderOf(name), file), withAssertions(text).code)
  }
})

test('there are examples to run', () => {
  expect(examples.length).toBeGreaterThan(0)
})

test.each(examples)(
  'example %s runs, and what it asserts holds',
  {
    timeout: TIMEOUT_MS,
  },
  (name, program) => {
    const codes = [...program.values()]
    expect(codes.some((text) => withAssertions(text).count > 0)).toBe(true)
    const output = execFileSync(
      process.execPath,
      ['--conditions=@vmalloc/source', '--no-warnings', join(folderOf(name), 'main.ts')],
      { cwd: folderOf(name), encoding: 'utf8', timeout: TIMEOUT_MS },
    )
    expect(output).toBe('')
  },
)

test('the examples have types that hold', { timeout: TIMEOUT_MS }, () => {
  const config = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: ['**/*.ts'],
  }
  writeFileSync(join(SCRATCH, 'tsconfig.json'), JSON.stringify(config))
  const compiler = join(ROOT, 'node_modules/.bin/tsc')
  const { stdout } = spawnSync(compiler, ['-p', SCRATCH, '--pretty', 'false'], { encoding: 'utf8' })
  // The layers are checked elsewhere, and may be in flux: only what the pages say counts.
  expect(
    stdout.split('\n').filter((line) => /^(?!\.\.).*error TS|\.cache\/docs\//.test(line)),
  ).toEqual([])
})

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
