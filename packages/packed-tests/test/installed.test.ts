/** The tarballs in a bare project: every entry point loads, Workers share a heap, the commands run, the types hold. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { APP_OUTPUT } from './tools/bundle.ts'
import { NODES, runNode } from './tools/nodes.ts'
import { publishableFolders, readManifest } from './tools/pack.ts'

const project = inject('project')

/** `@vmalloc/preload`, `@vmalloc/preload/register`, ...: all that exports name, manifests aside. */
const ENTRIES = publishableFolders()
  .map(readManifest)
  .flatMap(({ name, exports = {} }) => Object.keys(exports).map((path) => join(name, path)))
  .filter((entry) => !entry.endsWith('package.json'))

describe.each(NODES)('Node $version', (node) => {
  test('is that Node', () => {
    expect(runNode(node, project, '--version').trim()).toBe(`v${node.version}`)
  })

  test('loads every entry point, from dist', () => {
    const found = JSON.parse(
      runNode(node, project, 'imports.js', JSON.stringify(ENTRIES)),
    ) as object
    expect(Object.keys(found)).toEqual(ENTRIES)
    expect(found).toMatchObject({ '@vmalloc/core': expect.any(Number), '@vmalloc/small': 1 })
  })

  test('two Workers share a heap, an overflow is caught', () => {
    expect(runNode(node, project, 'app.js')).toBe(APP_OUTPUT)
  })

  test('the command replays a recorded program', () => {
    const vmalloc = join(project, 'node_modules/.bin/vmalloc')
    const trace = join(project, 'node_modules/@vmalloc/cli/traces/lua.mtr.gz')
    expect(runNode(node, project, vmalloc, 'replay', trace)).toMatch(/lua/)
  })

  test('the hook for WebAssembly modules installs itself', () => {
    const hooked = 'console.log(WebAssembly.instantiate.toString().includes("[native code]"))'
    const parameters = [
      '--import',
      '@vmalloc/preload/register',
      '--input-type=module',
      '-e',
      hooked,
    ]
    expect(runNode(node, project, ...parameters)).toBe('false\n')
  })
})

test('a strict TypeScript program compiles against the declarations', () => {
  const tsc = join(
    dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin/tsc',
  )
  const options =
    '--noEmit --strict --skipLibCheck false --module nodenext --target es2022 --lib es2022,dom,esnext.disposable --types'
  const compile = () =>
    execFileSync(process.execPath, [tsc, ...options.split(' '), '', 'consumer.ts'], {
      cwd: project,
      stdio: 'pipe',
      encoding: 'utf8',
    })
  expect(compile()).toBe('')
})
