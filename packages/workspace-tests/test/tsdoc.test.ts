/** Every export of a published package says what it is, and every call of the heap what it throws and what it costs. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { manifestOf, PACKAGES, packageFolders } from '../src/workspace.ts'

const published = packageFolders().filter(
  (folder) =>
    manifestOf(folder).private !== true && existsSync(join(PACKAGES, folder, 'src/index.ts')),
)

/** Names that an index exports from files of its own package, with the file of each. */
function exportsOf(index: string): { name: string; file: string }[] {
  const text = readFileSync(index, 'utf8')
  return [...text.matchAll(/export (?:type )?\{([^}]*)\} from '(\.[^']+)'/g)].flatMap(
    ([, names = '', from = '']) =>
      names
        .split(',')
        .map(
          (name) =>
            name
              .trim()
              .replace(/^type /, '')
              .split(' as ')[0] ?? '',
        )
        .filter((name) => name !== '')
        .map((name) => ({ name, file: join(dirname(index), from) })),
  )
}

/** Whether the declaration of `name` follows a doc comment, comments for linters left out. */
function isDocumented(text: string, name: string): boolean {
  const kinds =
    '(?:declare )?(?:abstract )?(?:class|interface|function|async function|const|let|type)'
  const declaration = new RegExp(`^export ${kinds} ${name}\\b`, 'm').exec(text)
  // Exported by the file from elsewhere: documented there.
  if (declaration === null) return new RegExp(`^export \\{[^}]*\\b${name}\\b`, 'm').test(text)
  const before = text.slice(0, declaration.index).replace(/(?:^\/\/.*\n)+$/m, '')
  return before.endsWith('*/\n')
}

test.each(published)('%s: each export has a doc comment', (folder) => {
  const exported = exportsOf(join(PACKAGES, folder, 'src/index.ts'))
  expect(exported.length).toBeGreaterThan(0)
  const silent = exported.filter(
    ({ name, file }) => !isDocumented(readFileSync(file, 'utf8'), name),
  )
  expect(silent.map(({ name }) => name)).toEqual([])
})

/** Public methods of a class, with the doc comment right before each. */
function methodsOf(file: string): { name: string; doc: string }[] {
  const text = readFileSync(join(PACKAGES, 'core/src', file), 'utf8')
  const method = /^ {2}(?:static )?(?:async )?([a-z]\w*)(?:<[^(]*>)?\((?=.*[{(]$|$)/gm
  return [...text.matchAll(method)]
    .filter(({ 1: name }) => name !== 'constructor')
    .map(({ 1: name = '', index }) => ({
      name,
      doc: /\/\*\*(?:(?!\/\*\*)[\s\S])*?\*\/\n$/.exec(text.slice(0, index))?.[0] ?? '',
    }))
}

describe.each(['heap.ts', 'front/heap-front.ts'])('calls of core/src/%s', (file) => {
  const methods = methodsOf(file)

  test('are found', () => {
    expect(methods.length).toBeGreaterThan(10)
  })

  test.each(methods.map(({ name, doc }) => [name, doc] as const))(
    '%s says what it throws and what it costs',
    (_, doc) => {
      expect(doc).toMatch(/@throws \S/)
      expect(doc).toMatch(/\bCosts?\b|Cost:/)
    },
  )
})

test.each(['front/scope.ts', 'front/block.ts', 'front/recorder.ts'])(
  'calls of core/src/%s have doc comments',
  (file) => {
    const methods = methodsOf(file)
    expect(methods.length).toBeGreaterThan(2)
    expect(methods.filter(({ doc }) => doc === '').map(({ name }) => name)).toEqual([])
  },
)
