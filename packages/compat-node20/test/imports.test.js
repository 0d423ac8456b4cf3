/** Every published library, as built, loads on this Node: no syntax, no global and no import that it lacks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

const PACKAGES = ['memory', 'marking', 'small', 'buddy', 'large', 'core', 'conformance']

test('this is the oldest supported Node', () => {
  assert.match(process.version, /^v20\./)
})

for (const name of PACKAGES) {
  test(`@vmalloc/${name} loads from its built files`, async () => {
    const url = import.meta.resolve(`@vmalloc/${name}`)
    assert.match(url, /\/dist\/index\.js$/)
    assert.ok(Object.keys(await import(url)).length > 0, 'exports nothing')
  })
}
