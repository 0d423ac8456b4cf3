/**
 * The pages are true: every block of TypeScript in a README or a page of docs runs, what it asserts holds, and so do its types.
 *
 * A program runs inside the package whose page it stands on, so that imports resolve as they do for its users; those of
 * the project's own pages inside of `packages/core`.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { codeLabelsOf, type Program, programsOf, withAssertions } from '../src/markdown.ts'
import { pages } from '../src/pages.ts'
import { PACKAGES, ROOT } from '../src/workspace.ts'

const TIMEOUT_MS = 60_000
const SCRATCH = '.cache/examples'
const COMPILER = join(import.meta.dirname, '../.cache/examples')

/** Blocks of code for other compilers: who runs them. */
const ELSEWHERE: Record<string, string> = {
  'packages/preload/docs/toolchains.md ts assemblyscript-runtime':
    'packages/preload/test/toolchains/assemblyscript.test.ts',
  'packages/preload/docs/toolchains.md js emscripten-library':
    'packages/preload/test/toolchains/emscripten.test.ts',
}

/** A module of one exported memory: what a page calls `bytes` when any program would do. */
const MODULE =
  'new Uint8Array([0,97,115,109,1,0,0,0,5,3,1,0,1,7,10,1,6,109,101,109,111,114,121,2,0])'

/** What Emscripten makes of a program: it is told what to import, and asks for its family when it has a memory. */
const EMSCRIPTEN =
  'const createModule = async (module: { vmalloc: (memory: WebAssembly.Memory, grow: (bytes: number) => number) => object }) => module.vmalloc(new WebAssembly.Memory({ initial: 1 }), () => 0);'

/** A compiled program that imports nothing. */
const PROGRAM = join(PACKAGES, 'preload/node_modules/harfbuzzjs/dist/harfbuzz-subset.wasm')

/** What a page takes for granted, on the first line of its programs. */
const GIVEN: Record<string, string> = {
  'packages/preload/README.md': `import { readFileSync } from 'node:fs'; const imports = {}, bytes = readFileSync('${PROGRAM}');`,
  'packages/preload/docs/toolchains.md': `const bytes = ${MODULE}, rest = {}; ${EMSCRIPTEN}`,
}

interface Example {
  readonly page: string
  readonly program: Program
  readonly folder: string
}

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

const examples: [name: string, example: Example][] = pages().flatMap((page) => {
  const home = /^packages\/([^/]+)\//.exec(page)?.[1] ?? 'core'
  return programsOf(read(page)).map((program, index): [string, Example] => {
    const name = `${page} ${index + 1}`
    const folder = join(PACKAGES, home, SCRATCH, name.replaceAll(/[/ ]/g, '-'))
    return [name, { page, program, folder }]
  })
})

const homes = [...new Set(examples.map(([, { folder }]) => join(folder, '..')))]

beforeAll(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true })
  for (const [, { page, program, folder }] of examples) {
    mkdirSync(folder, { recursive: true })
    for (const [file, text] of program) {
      const given = file === 'main.ts' ? (GIVEN[page] ?? '') : ''
      writeFileSync(join(folder, file), given + withAssertions(text).code)
    }
  }
})

test('the packages that have code on their pages are found', () => {
  const folders = ['core', 'memory', 'fit', 'trace', 'cli', 'conformance', 'preload']
  const expected = folders.map((folder) => join(PACKAGES, folder, SCRATCH))
  expect(homes).toEqual(expect.arrayContaining(expected))
})

test.each(examples)('example %s runs', { timeout: TIMEOUT_MS }, (_, { page, program, folder }) => {
  // The pages of docs explain; what they say must be asserted.
  const asserted = [...program.values()].some((text) => withAssertions(text).count > 0)
  expect(asserted || !page.startsWith('docs/')).toBe(true)
  const output = execFileSync(
    process.execPath,
    ['--conditions=@vmalloc/source', '--no-warnings', 'main.ts'],
    { cwd: folder, encoding: 'utf8', timeout: TIMEOUT_MS },
  )
  expect(output).toBe('')
})

test('no block of TypeScript or JavaScript is left out, but for those that another test runs', () => {
  const left = pages().flatMap((page) =>
    codeLabelsOf(read(page))
      .filter((label) => /^(ts|js|typescript|javascript|mjs|tsx)\b/.test(label) && label !== 'ts')
      .map((label) => `${page} ${label}`),
  )
  expect(left).toEqual(Object.keys(ELSEWHERE))
  for (const file of Object.values(ELSEWHERE)) expect(existsSync(join(ROOT, file))).toBe(true)
})

test('the examples have types that hold', { timeout: TIMEOUT_MS }, () => {
  const config = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: {
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noUnusedLocals: false,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
    },
    include: homes.map((home) => join(home, '**/*.ts')),
  }
  mkdirSync(COMPILER, { recursive: true })
  writeFileSync(join(COMPILER, 'tsconfig.json'), JSON.stringify(config))
  const { stdout } = spawnSync(
    join(ROOT, 'node_modules/.bin/tsc'),
    ['-p', COMPILER, '--pretty', 'false'],
    { cwd: ROOT, encoding: 'utf8' },
  )
  // The layers are checked elsewhere, and may be in flux: only what the pages say counts.
  expect(stdout.split('\n').filter((line) => line.includes(`${SCRATCH}/`))).toEqual([])
})
