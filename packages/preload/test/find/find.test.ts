import { describe, expect, test } from 'vitest'
import { analyse } from '../../src/analyse.ts'
import { instantiate } from '../../src/index.ts'
import { assemble, body, name } from '../assemble.ts'
import { moduleBytes } from '../modules.ts'
import { tinyModule } from '../tiny.ts'

describe('verdicts on npm modules', () => {
  test.each([
    // Named exports, and a realloc among them.
    ['sqlite', 'replace', ['free', 'malloc', 'memalign', 'realloc']],
    // Relocatable: addresses relative to a base.
    ['web-tree-sitter', 'replace', ['calloc', 'free', 'malloc', 'realloc']],
    ['web-tree-sitter debug', 'replace', ['calloc', 'free', 'malloc', 'realloc']],
    // emmalloc: malloc is a wrapper, what it calls is called directly as well, and a constructor sets it up.
    ['wasmoon', 'replace', ['free', 'malloc', 'malloc', 'realloc']],
    // Minified, no names: fingerprint, and a realloc found by its behaviour.
    ['quickjs', 'replace', ['free', 'malloc', 'realloc']],
    ['oniguruma', 'replace', ['free', 'malloc', 'realloc']],
    ['harfbuzz', 'replace', ['free', 'malloc', 'realloc']],
    ['harfbuzz subset', 'replace', ['free', 'malloc', 'realloc']],
    ['sql.js debug', 'replace', ['free', 'malloc', 'memalign', 'realloc']],
    // realloc is inlined into a function of the program, reached through a table: replacing would break it.
    ['sql.js', 'observe', ['free', 'malloc', 'memalign']],
    // Imports its malloc, or has none.
    ['a tree-sitter grammar', 'refuse', []],
  ])('%s: %s', (which, verdict, roles) => {
    const analysis = analyse(moduleBytes(which))
    expect(analysis.functions.map(({ role }) => role).sort()).toEqual(roles)
    expect(analysis.verdict).toBe(verdict)
    expect(analysis.reason).not.toBe('')
    expect(analysis.open.length > 0).toBe(verdict === 'observe')
  })

  test.each([1, 255, 256, 2400])('a memory of %i pages and more, made by the host', (pages) => {
    const { verdict, reason } = analyse(tinyModule({ imported: pages }))
    expect(reason).not.toMatch(/could not run/)
    expect(verdict).toBe('replace')
  })

  test('what is found without names is what the names say', () => {
    const bytes = moduleBytes('harfbuzz')
    const byName = analyse(bytes)
    // The same module with its exports of malloc and free renamed: only the fingerprint is left.
    const blind = Buffer.from(bytes)
    for (const exported of ['malloc', 'free']) {
      const at = blind.indexOf(Buffer.from([exported.length, ...Buffer.from(exported)]))
      blind.write('x'.repeat(exported.length), at + 1)
    }
    const byForm = analyse(new Uint8Array(blind))
    const indices = (analysis: typeof byName): string[] =>
      analysis.functions.map(({ role, index }) => `${role} ${index}`).sort()
    expect(indices(byForm)).toEqual(indices(byName))
    expect(byForm.functions.map(({ by }) => by)).toContain('fingerprint')
    expect(byForm.verdict).toBe('replace')
  })
})

describe('the name section', () => {
  test('names what the exports do not', async () => {
    const bytes = tinyModule({ names: ['dlmalloc', 'dlfree'] })
    expect(analyse(bytes)).toMatchObject({
      verdict: 'replace',
      functions: [
        { role: 'malloc', index: 0, name: 'x0', by: 'name' },
        { role: 'free', index: 1, name: 'x1', by: 'name' },
      ],
    })
    // It stays in the rewritten module, so stacks have its names.
    const { instance, report } = await instantiate(bytes, {}, { stacks: 'all', preset: 'debug' })
    const { x0 } = instance.exports as unknown as { x0(size: number): number }
    x0(10)
    expect(report().leaks[0].stack[0]).toMatch(/^dlmalloc \(wasm:/)
  })

  test('counts up to where it stops making sense', () => {
    const bytes = tinyModule({ names: ['malloc', 'free'] })
    // The length of the second name, too long for the section.
    bytes[bytes.length - 'free'.length - 1] = 100
    expect(WebAssembly.validate(bytes)).toBe(true)
    expect(analyse(bytes)).toMatchObject({
      verdict: 'refuse',
      reason: 'a malloc was found, but no free',
    })
  })
})

const I32 = 0x7f
const TYPES = [1, 2, 0x60, 1, I32, 1, I32, 0x60, 1, I32, 0]
const FUNCTIONS = [3, 2, 0, 1]
const EXPORTS = [7, 2, ...name('malloc'), 0, 0, ...name('free'), 0, 1]

describe('what must not be replaced', () => {
  test('a malloc that is no malloc: always the same address', () => {
    const bytes = assemble(
      TYPES,
      FUNCTIONS,
      [5, 1, 0, 2],
      EXPORTS,
      [10, 2, 5, 0, 0x41, 0x80, 0x10, 0x0b, 2, 0, 0x0b],
    )
    const analysis = analyse(bytes)
    expect(analysis.verdict).toBe('observe')
    expect(analysis.reason).toMatch(/did not pass the probe/)
  })

  test('a malloc that never returns: the probe ends all the same', () => {
    const bytes = assemble(
      TYPES,
      FUNCTIONS,
      [5, 1, 0, 2],
      EXPORTS,
      [10, 2, 9, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x41, 0, 0x0b, 2, 0, 0x0b],
    )
    const analysis = analyse(bytes)
    expect(analysis.verdict).toBe('observe')
    expect(analysis.reason).toMatch(/trapped/)
  })

  // Each runs for hours, or for longer than the sun will, unless every step is paid for.
  test.each<[string, number[], number[]]>([
    [
      'calls itself twice, and has no loop',
      [0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x10, 0, 0x1a],
      // Its answers are addresses, so that the probe goes on to larger requests.
      [32, 0, 65, 1, 107, 16, 0, 26, 11, 32, 0, 65, 7, 116, 65, 128, 32, 106],
    ],
    [
      'fills the memory over and over',
      [0x03, 0x40, 0x41, 0, 0x41, 0, 0x41, 0x80, 0x80, 0x80, 0x03, 0xfc, 0x0b, 0],
      [0x0c, 0, 0x0b, 0x41, 0],
    ],
    [
      'copies the memory over and over',
      [0x03, 0x40, 0x41, 0, 0x41, 0, 0x41, 0x80, 0x80, 0x80, 0x03, 0xfc, 0x0a, 0, 0],
      [0x0c, 0, 0x0b, 0x41, 0],
    ],
    [
      'grows the memory by nothing for ever',
      [0x03, 0x40, 0x41, 0, 0x40, 0, 0x1a],
      [0x0c, 0, 0x0b, 0x41, 0],
    ],
    [
      'takes turns of ten thousand instructions',
      [0x03, 0x40, ...Array.from({ length: 10_000 }, () => [0x41, 0, 0x28, 2, 0, 0x1a]).flat()],
      [0x0c, 0, 0x0b, 0x41, 0],
    ],
  ])('a malloc that %s: the probe ends all the same', { timeout: 60_000 }, (_, start, end) => {
    const bytes = assemble(TYPES, FUNCTIONS, [5, 1, 0, 100], EXPORTS, [
      10,
      2,
      ...body([...start, ...end]),
      ...body([]),
    ])
    expect(WebAssembly.validate(bytes)).toBe(true)
    expect(analyse(bytes)).toMatchObject({
      verdict: 'observe',
      reason: expect.stringMatching(/trapped/),
    })
  })

  test.each([
    ['no memory', [], /no memory/],
    ['a shared memory', [5, 1, 3, 1, 2], /shared by threads/],
    ['a 64-bit memory', [5, 1, 4, 1], /64-bit/],
  ])('%s', (_, memory, reason) => {
    const code = [10, 2, 5, 0, 0x41, 0x80, 0x10, 0x0b, 2, 0, 0x0b]
    const sections = [TYPES, FUNCTIONS, ...(memory.length === 0 ? [] : [memory]), EXPORTS, code]
    const analysis = analyse(assemble(...sections))
    expect(analysis.verdict).toBe('refuse')
    expect(analysis.reason).toMatch(reason)
  })

  test('an imported malloc', () => {
    const bytes = assemble(
      TYPES,
      [2, 2, ...name('env'), ...name('malloc'), 0, 0, ...name('env'), ...name('free'), 0, 1],
      [5, 1, 0, 1],
    )
    expect(analyse(bytes)).toMatchObject({
      verdict: 'refuse',
      reason: expect.stringMatching(/imports its malloc/),
    })
  })
})

describe('arguments', () => {
  test('a module seen before is not analysed again, unless it is asked something else', () => {
    const bytes = moduleBytes('oniguruma')
    expect(analyse(new Uint8Array(bytes))).toBe(analyse(bytes))
    expect(analyse(bytes, { functions: { malloc: 'malloc' } })).not.toBe(analyse(bytes))
  })

  test.each([undefined, null, 'text', 3, {}, [0, 1]])('%j is no module', (bytes) => {
    expect(() => analyse(bytes as never)).toThrow(/analyse: the module must be an ArrayBuffer/)
  })

  test.each([
    [{ functoins: {} }, /unknown option "functoins"/],
    [{ functions: 3 }, /functions is 3: it must be an object/],
    [{ functions: null }, /functions is null/],
    [{ functions: ['malloc'] }, /functions is \[malloc\]/],
    [{ functions: { mallok: 'x' } }, /functions\.mallok is x: the family has no such member/],
    [{ functions: { malloc: -1 } }, /functions\.malloc is -1: it must be the name/],
    [{ functions: { malloc: true } }, /functions\.malloc is true/],
  ])('%j is refused', (options, words) => {
    expect(() => analyse(tinyModule(), options as object)).toThrow(words)
  })
})

describe('functions named by hand', () => {
  test('are taken as given', () => {
    const { functions } = analyse(moduleBytes('quickjs'))
    const index = (role: string): number =>
      functions.find((found) => found.role === role)?.index ?? -1
    const byHand = { malloc: index('malloc'), free: index('free'), realloc: index('realloc') }
    const again = analyse(moduleBytes('quickjs'), { functions: byHand })
    expect(again.verdict).toBe('replace')
    expect(again.functions.every(({ by }) => by === 'hand')).toBe(true)
  })

  test.each([
    [{ malloc: 'no_such_name' }, /no function no_such_name/],
    [{ malloc: 99_999 }, /no function 99999/],
    [{ free: 'malloc' }, /does not have its type/],
  ])('%j is refused', (functions, message) => {
    expect(() => analyse(moduleBytes('sqlite'), { functions })).toThrow(message)
  })
})
