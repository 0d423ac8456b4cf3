/**
 * What runs in Chromium is found by its imports. A Node import in a helper would quietly take many tests out: so the ones that
 * must run there are named.
 */
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeNeed, portableTests } from '@vmalloc/browser-tests/portable'
import { expect, test } from 'vitest'
import { ROOT } from '../src/workspace.ts'

/** Packages of which every test runs in a page. */
const WHOLE = ['memory', 'marking', 'small', 'fit', 'buddy', 'large', 'conformance', 'trace']

/** Tests of the heap that run in a page, whatever else does. */
const CORE = ['boundaries', 'composition', 'course', 'family', 'misuse', 'model']

test('every test of the layers below the heap runs in Chromium', () => {
  const all = WHOLE.flatMap((folder) =>
    globSync(`packages/${folder}/test/**/*.test.ts`, { cwd: ROOT }),
  )
  expect(all.flatMap((file) => nodeNeed(ROOT, file) ?? [])).toEqual([])
  expect(portableTests(ROOT, WHOLE)).toEqual(all.sort())
})

test('every test in a folder named isomorphic runs in Chromium, and so do the main tests of the heap', () => {
  const must = [
    ...globSync('packages/*/test/isomorphic/**/*.test.ts', { cwd: ROOT }),
    ...CORE.map((name) => `packages/core/test/${name}.test.ts`),
  ]
  expect(must.map((file) => [file, nodeNeed(ROOT, file)])).toEqual(
    must.map((file) => [file, undefined]),
  )
})

test('a Node module is seen through files that import each other', () => {
  const cache = join(import.meta.dirname, '../.cache')
  mkdirSync(cache, { recursive: true })
  const root = mkdtempSync(join(cache, 'portable-'))
  const write = (file: string, code: string): void => writeFileSync(join(root, file), code)
  try {
    write('a.ts', "import { type B } from './b.ts'\nexport const a = 1\n")
    write('b.ts', "import './a.ts'\nexport {\n  c,\n} from './c.ts'\n")
    write('c.ts', "import { x } from 'elsewhere'\n// import 'node:vm'\nexport const c = x\n")
    expect(nodeNeed(root, 'a.ts')).toBeUndefined()
    write('c.ts', "import {\n  join,\n} from 'node:path'\nexport const c = join\n")
    expect(nodeNeed(root, 'a.ts')).toEqual({ module: 'node:path', file: 'c.ts' })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
