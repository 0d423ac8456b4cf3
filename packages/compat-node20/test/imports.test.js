/** Every published library, as built, loads on this Node: no syntax, no global and no import that it lacks. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const readManifest = (where) => JSON.parse(readFileSync(where, 'utf8'))

test('this is the Node of the package whose tests run', () => {
  assert.equal(process.version, `v${readManifest('package.json').devDependencies.node}`)
})

const { dependencies } = readManifest(new URL('../package.json', import.meta.url))

for (const name of Object.keys(dependencies)) {
  test(`${name} loads from its built files`, async () => {
    const url = import.meta.resolve(name)
    assert.match(url, /\/dist\/index\.js$/)
    assert.ok(Object.keys(await import(url)).length > 0, 'exports nothing')
  })
}
