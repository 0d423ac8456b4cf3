/** The binaries that the other tests run are what the compilers make of the programs. */
import { expect, test } from 'vitest'
import { compileProgram, type ModuleName, SOURCES } from '../src/compile.ts'
import { MODULES } from '../src/modules.ts'

test.each(Object.keys(SOURCES) as ModuleName[])('%s', { timeout: 60_000 }, async (name) => {
  const binary = await compileProgram(name)
  expect(WebAssembly.validate(binary as BufferSource)).toBe(true)
  const text = Buffer.from(binary).toString('base64')
  expect(MODULES[name], 'run "node src/compile.ts" after a change of a program').toBe(text)
})

test('no program brings an allocator of its own', { timeout: 60_000 }, async () => {
  for (const name of Object.keys(SOURCES) as ModuleName[]) {
    const module = new WebAssembly.Module((await compileProgram(name)) as BufferSource)
    const imported = WebAssembly.Module.imports(module).map((one) => one.name)
    expect(imported).toContain('malloc')
    expect(imported).toContain('free')
  }
})
