import { piecesOf } from '@vmalloc/core/map'
import { afterEach, expect, test } from 'vitest'
import { decodeMaps, encodeMaps, type Installation, installPreload } from '../src/index.ts'
import { tinyModule, tinyOf } from './tiny.ts'

let installation: Installation | undefined
afterEach(() => installation?.uninstall())

test.each(['replace', 'observe'] as const)('maps of programs to %s, to a file and back', (mode) => {
  installation = installPreload({ mode })
  const instance = (): WebAssembly.Instance =>
    new WebAssembly.Instance(new WebAssembly.Module(tinyModule()))
  const tiny = tinyOf(instance())
  instance()
  const [one, gone, other] = [20, 300, 5000].map((size) => tiny.malloc(size))
  tiny.free(gone)
  const maps = installation.maps()
  expect(maps.map((program) => program.mode)).toEqual(
    mode === 'replace' ? ['replace'] : ['observe', 'observe'],
  )
  const [{ name, map }] = decodeMaps(encodeMaps(maps))
  expect(map).toEqual(maps[0].map)
  expect(name).toBe(installation.report()[0].name)
  const used = [...piecesOf(map)].filter(({ part }) => ['small', 'medium'].includes(part))
  expect(used.map(({ address }) => address)).toEqual([one, other].sort((a, b) => a - b))
})

test.each([
  ['nothing', ''],
  ['another file', '{"programs":[]}'],
  ['a cut file', '{"vmalloc":"maps","programs":[{"name":"x"'],
  [
    'a column that is too short',
    '{"vmalloc":"maps","programs":[{"name":"x","count":2,"start":[1]}]}',
  ],
])('%s is refused', (_, text) => {
  expect(() => decodeMaps(text)).toThrow(expect.objectContaining({ code: 'BAD_MAPS' }))
})
