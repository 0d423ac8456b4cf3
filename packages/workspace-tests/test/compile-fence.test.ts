/**
 * "A missing project reference is a compile error", proved with the real compiler on a copy of the real manifests and
 * build configurations. The copies get sources of one line each, so that nothing but the import in question can fail.
 *
 * It holds because of `paths` in tsconfig.base.json: what is found through `node_modules` counts as an external library,
 * which needs no reference; what is found through `paths` is a source file of ours, which does.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { folderOf, manifestOf, PACKAGES, ROOT, runtimeDependencies } from '../src/workspace.ts'

const COMPILE_TIMEOUT_MS = 60_000
const COPIED = ['memory', 'small', 'buddy']
const TSC = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
)
const CACHE = join(import.meta.dirname, '../.cache')

let workspace: string

beforeEach(() => {
  mkdirSync(CACHE, { recursive: true })
  workspace = mkdtempSync(join(CACHE, 'workspace-'))
  cpSync(join(ROOT, 'tsconfig.base.json'), join(workspace, 'tsconfig.base.json'))
  for (const folder of COPIED) {
    for (const file of ['package.json', 'tsconfig.build.json']) {
      cpSync(join(PACKAGES, folder, file), join(workspace, 'packages', folder, file))
    }
    writeSource(folder, `export const ${folder}: number = 1`)
    for (const name of runtimeDependencies(manifestOf(folder))) link(folder, folderOf(name) ?? name)
  }
})

afterEach(() => rmSync(workspace, { recursive: true, force: true }))

const folderPath = (folder: string): string => join(workspace, 'packages', folder)

function writeSource(folder: string, code: string): void {
  mkdirSync(join(folderPath(folder), 'src'), { recursive: true })
  writeFileSync(join(folderPath(folder), 'src/index.ts'), `${code}\n`)
}

/** What the package manager does for a declared dependency. */
function link(from: string, to: string): void {
  const scope = join(folderPath(from), 'node_modules/@vmalloc')
  mkdirSync(scope, { recursive: true })
  symlinkSync(folderPath(to), join(scope, to), 'dir')
}

/** @returns What the compiler prints; empty when it is content. */
function compile(folder: string): string {
  try {
    return execFileSync(process.execPath, [TSC, '-b', 'tsconfig.build.json'], {
      cwd: folderPath(folder),
      encoding: 'utf8',
      stdio: 'pipe',
    })
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

describe('the compiler', { timeout: COMPILE_TIMEOUT_MS }, () => {
  test('accepts an import along a declared dependency and its reference', () => {
    writeSource('small', "export { memory } from '@vmalloc/memory'")
    expect(compile('small')).toBe('')
  })

  test.each([
    ['undeclared', false],
    ['declared in package.json', true],
  ])('refuses an import without a project reference, %s', (_, declared) => {
    if (declared) link('small', 'buddy')
    writeSource('small', "export { buddy } from '@vmalloc/buddy'")
    expect(compile('small')).toMatch(/error TS6307: File '.*buddy\/src\/index\.ts' is not listed/)
  })

  test('refuses the wrong direction: a reference back up is a cycle', () => {
    link('memory', 'small')
    writeSource('memory', "export { small } from '@vmalloc/small'")
    writeFileSync(
      join(folderPath('memory'), 'tsconfig.build.json'),
      JSON.stringify({
        extends: '../../tsconfig.base.json',
        compilerOptions: { rootDir: 'src', outDir: 'dist' },
        include: ['src'],
        references: [{ path: '../small/tsconfig.build.json' }],
      }),
    )
    expect(compile('small')).toMatch(/error TS6202: .*circular/)
  })
})
