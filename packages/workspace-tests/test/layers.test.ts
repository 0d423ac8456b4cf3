/**
 * The layering as a table, and everything that could bend it held against the table: the manifests, the project
 * references and the imports themselves.
 *
 *     memory <- marking, small, buddy, fit, large <- core -> trace
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  folderOf,
  importsOf,
  manifestOf,
  PACKAGES,
  packageFolders,
  referencedFolders,
  runtimeDependencies,
} from '../src/workspace.ts'

/** What each of the six, and the trace format, may know. Changing this table is changing the architecture. */
const LAYERS: Record<string, readonly string[]> = {
  memory: [],
  marking: ['memory'],
  small: ['memory'],
  buddy: ['memory'],
  fit: ['memory'],
  large: ['memory'],
  // Knows nothing of memory: a file format.
  trace: [],
  core: ['buddy', 'fit', 'large', 'marking', 'memory', 'small', 'trace'],
}

describe.each(Object.entries(LAYERS))('%s', (folder, allowed) => {
  test(`depends at run time on nothing but: ${allowed.join(', ') || 'nothing'}`, () => {
    const dependencies = runtimeDependencies(manifestOf(folder))
    expect(dependencies.filter((name) => !allowed.includes(folderOf(name) ?? name))).toEqual([])
  })

  test('its build refers to exactly the packages it depends on', () => {
    const dependencies = runtimeDependencies(manifestOf(folder)).map(
      (name) => folderOf(name) ?? name,
    )
    expect(referencedFolders(folder, 'tsconfig.build.json').sort()).toEqual(dependencies.sort())
  })

  test('its sources import nothing but these: no Node module, no package', () => {
    const imports = importsOf(folder)
    expect(
      imports.filter(({ specifier }) => !allowed.includes(folderOf(specifier) ?? specifier)),
    ).toEqual([])
  })
})

describe.each(packageFolders())('%s, like every package', (folder) => {
  const manifest = manifestOf(folder)

  test('is named after its folder, has tests, and a version: changesets needs one even of private packages', () => {
    expect(manifest.name).toBe(`@vmalloc/${folder}`)
    expect(manifest.scripts).toHaveProperty('test')
    expect(manifest).toHaveProperty('version')
  })

  test('has a README that says what it is', () => {
    const text = readFileSync(join(PACKAGES, folder, 'README.md'), 'utf8')
    expect(text).toMatch(/^# \S.*\n\n\S/)
  })

  test('imports only what its manifest declares', () => {
    const declared = new Set(
      Object.entries(manifest)
        .filter(([key]) => /dependencies$/i.test(key))
        .flatMap(([, group]) => Object.keys(group as object)),
    )
    const undeclared = importsOf(folder).filter(({ specifier }) => {
      const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier
      return !specifier.startsWith('node:') && name !== manifest.name && !declared.has(name)
    })
    expect(undeclared).toEqual([])
  })
})

const published = packageFolders().filter((folder) => !manifestOf(folder).private)

test.each(published)('%s is published as ES modules that a bundler can shake', (folder) => {
  const manifest = manifestOf(folder)
  expect(manifest).toMatchObject({ type: 'module' })
  expect(manifest).toHaveProperty('sideEffects')
  expect(manifest.scripts).toHaveProperty('pkg')
  const repository = 'https://github.com/vmalloc/vmalloc'
  expect(manifest).toMatchObject({
    license: 'MIT',
    author: 'the authors of vmalloc',
    homepage: `${repository}/tree/main/packages/${folder}#readme`,
    bugs: `${repository}/issues`,
    repository: { type: 'git', url: `git+${repository}.git`, directory: `packages/${folder}` },
  })
  expect(Object.keys((manifest.exports?.['.'] ?? {}) as object)).toEqual([
    '@vmalloc/source',
    'types',
    'default',
  ])
})

test('the import scanner sees what it must: core imports every layer', () => {
  const seen = new Set(importsOf('core').map(({ specifier }) => folderOf(specifier) ?? specifier))
  expect([...seen].sort()).toEqual(LAYERS['core'])
})

test('every library is tried on the oldest Node', () => {
  const tried = runtimeDependencies(manifestOf('compat-node20'))
  const libraries = [...Object.keys(LAYERS), 'conformance']
  expect(tried).toEqual(libraries.map((folder) => `@vmalloc/${folder}`).sort())
})

test('the API reference has every published package', () => {
  const { entryPoints, packagesRequiringDocumentation } = JSON.parse(
    readFileSync(join(PACKAGES, 'api-reference/typedoc.json'), 'utf8'),
  ) as { entryPoints: string[]; packagesRequiringDocumentation: string[] }
  expect(entryPoints).toEqual(
    expect.arrayContaining(published.map((folder) => `../${folder}/src/index.ts`)),
  )
  expect(packagesRequiringDocumentation.sort()).toEqual(
    published.map((folder) => `@vmalloc/${folder}`),
  )
})

test.each(packageFolders())('%s has benchmarks if it has a script to run them', (folder) => {
  if (manifestOf(folder).scripts?.['bench'] !== 'vitest bench --run') return
  expect(globSync('bench/**/*.bench.ts', { cwd: join(PACKAGES, folder) })).not.toEqual([])
})
