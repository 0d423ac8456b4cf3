import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { vmalloc } from '../spawn.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmalloc-cli-'))
const modules = join(import.meta.dirname, '../../../preload/node_modules')
const oniguruma = join(modules, 'vscode-oniguruma/release/onig.wasm')
const sqlJs = join(modules, 'sql.js/dist/sql-wasm.wasm')
const grammar = join(modules, '@vscode/tree-sitter-wasm/wasm/tree-sitter-regex.wasm')
vi.setConfig({ testTimeout: 60_000 })

test('says what was found, in words and as JSON', () => {
  const text = vmalloc(['preload', oniguruma])
  expect(text).toMatchObject({ code: 0, stderr: '' })
  expect(text.stdout).toMatch(/onig\.wasm: 473151 bytes, replace\n.*\n {2}malloc/)
  const json = vmalloc(['preload', oniguruma, '--json'])
  expect(JSON.parse(json.stdout)).toMatchObject({
    verdict: 'replace',
    bytes: 473_151,
    functions: expect.arrayContaining([expect.objectContaining({ role: 'free', by: 'name' })]),
    output: null,
  })
})

test('writes a rewritten module that says so itself', () => {
  const output = join(folder, 'onig.vm.wasm')
  const { code, stdout } = vmalloc(['preload', oniguruma, '-o', output])
  expect(code).toBe(0)
  expect(stdout).toMatch(/onig\.vm\.wasm: \d+ bytes \(\+\d+\), to replace/)
  const module = new WebAssembly.Module(readFileSync(output))
  expect(WebAssembly.Module.customSections(module, 'vmalloc.preload')).toHaveLength(1)
})

test('a refused module: the reason, nothing written, exit code 1', () => {
  const output = join(folder, 'refused.wasm')
  const { code, stdout } = vmalloc(['preload', grammar, '-o', output])
  expect([code, existsSync(output)]).toEqual([1, false])
  expect(stdout).toMatch(/refuse\n {2}no malloc and no free were found/)
})

const noise = join(folder, 'noise.wasm')
writeFileSync(noise, 'this is no module')
test.each<[string, string[], RegExp]>([
  ['missing file', [join(folder, 'no.wasm')], /no\.wasm: no such file/],
  ['garbage', [noise], /noise\.wasm: this is not a WebAssembly module/],
  ['bad mode', [oniguruma, '--mode', 'x'], /'x' is invalid/],
  ['bad function', [oniguruma, '--function', 'malloc'], /role=name/],
  ['no such role', [oniguruma, '--function', 'mallok=foo'], /has no mallok; it has malloc, free/],
  [
    'a mode that is not safe',
    [sqlJs, '--mode', 'replace', '-o', join(folder, 'x.wasm')],
    /not safe to replace/,
  ],
  ['no such function', [oniguruma, '--function', 'malloc=nope'], /no function nope/],
])('wrong use: %s', (_, args, words) => {
  const { code, stdout, stderr } = vmalloc(['preload', ...args])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(words)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})
