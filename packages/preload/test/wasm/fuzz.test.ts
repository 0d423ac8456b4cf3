/**
 * Malformed modules: cut, flipped, spliced. Whatever comes in, what goes out is a typed error, or a module that is valid
 * exactly if the input was, with every byte outside of the touched sections as it was; and it comes out soon.
 */
import { describe, expect, test } from 'vitest'
import { analyse } from '../../src/analyse.ts'
import { PreloadError } from '../../src/errors.ts'
import { parseModule } from '../../src/wasm/module.ts'
import { rewriteModule } from '../../src/wasm/rewrite.ts'
import { splitSections } from '../../src/wasm/sections.ts'
import { concatenate } from '../../src/wasm/writer.ts'
import { moduleBytes } from '../modules.ts'
import { random } from '../programs/program.ts'

const SEED = Number(process.env['FC_SEED'] ?? 20261123)
const ROUNDS = 400
/** No test of speed: what hangs is told from what is slow. */
const SLOWEST_MS = 20_000
/** Sections that a rewrite may change. */
const TOUCHED = new Set([3, 4, 7, 8, 10])

/** Rewrites the first function; `null` for a typed error. Anything else thrown is a failure. */
function attempt(bytes: Uint8Array): Uint8Array | null {
  try {
    const module = parseModule(bytes)
    return rewriteModule(module, module.bodies.length === 0 ? [] : [module.importedFunctions])
  } catch (error) {
    if (error instanceof PreloadError) return null
    throw error
  }
}

/** The bytes of the sections that a rewrite leaves alone, one after the other. */
function untouched(bytes: Uint8Array): Uint8Array {
  const kept = splitSections(bytes).filter(({ id }) => !TOUCHED.has(id))
  return concatenate(kept.map(({ start, end }) => bytes.subarray(start, end)))
}

/** Bodies but the first, which was replaced; the copy of that is the last. */
function keptBodies(bytes: Uint8Array, from: number, count: number): Uint8Array {
  const bodies = parseModule(bytes).bodies.slice(from, from + count)
  return concatenate(bodies.map(({ start, end }) => bytes.subarray(start, end)))
}

function mutate(original: Uint8Array, next: () => number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(original)
  const structural = Math.min(bytes.length, 4000)
  switch (next() % 5) {
    case 0:
      return bytes.slice(0, next() % bytes.length)
    case 1:
      bytes[next() % structural] = next() & 255
      return bytes
    case 2:
      for (let count = 0; count < 8; count++) bytes[next() % bytes.length] ^= 1 << (next() & 7)
      return bytes
    case 3: {
      const from = next() % bytes.length
      bytes.copyWithin(next() % bytes.length, from, from + (next() % 64))
      return bytes
    }
    default:
      bytes.fill(0xff, next() % structural, (next() % structural) + 6)
      return bytes
  }
}

describe(`mutated modules, seed ${SEED}`, () => {
  test.each(['a tree-sitter grammar', 'wasmoon'])('%s', { timeout: 120_000 }, (which) => {
    const original = moduleBytes(which)
    const next = random(SEED)
    let refused = 0
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutate(original, next)
      const started = performance.now()
      const output = attempt(bytes)
      if (performance.now() - started > SLOWEST_MS) throw new Error(`round ${round} took too long`)
      if (output === null) {
        refused++
        continue
      }
      expect(Buffer.compare(untouched(output), untouched(bytes)), `round ${round}`).toBe(0)
      const count = parseModule(bytes).bodies.length
      if (count > 0) {
        const [before, after] = [keptBodies(bytes, 1, count - 1), keptBodies(output, 1, count - 1)]
        expect(Buffer.compare(after, before), `round ${round}`).toBe(0)
        const [original, copy] = [keptBodies(bytes, 0, 1), keptBodies(output, count, 1)]
        expect(Buffer.compare(copy, original), `round ${round}`).toBe(0)
      }
      if (WebAssembly.validate(bytes) && !WebAssembly.validate(output as BufferSource)) {
        throw new Error(`round ${round}: the input is valid, the output is not`)
      }
    }
    expect(refused).toBeGreaterThan(ROUNDS / 10)
    expect(refused).toBeLessThan(ROUNDS)
  })

  test('the finder survives them too, loops that never end included', { timeout: 120_000 }, () => {
    const original = moduleBytes('wasmoon')
    const next = random(SEED + 1)
    const verdicts = new Set<string>()
    for (let round = 0; round < 40; round++) {
      const bytes = mutate(original, next)
      const started = performance.now()
      try {
        verdicts.add(analyse(bytes).verdict)
      } catch (error) {
        if (!(error instanceof PreloadError)) throw error
        verdicts.add(error.code)
      }
      if (performance.now() - started > SLOWEST_MS) throw new Error(`round ${round} took too long`)
    }
    expect(verdicts.has('MALFORMED_WASM')).toBe(true)
  })
})

describe('typed errors', () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  test.each([
    ['nothing', []],
    ['text', [...Buffer.from('not a module at all')]],
    ['a cut preamble', header.slice(0, 5)],
    ['a component', [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]],
    ['an unknown section', [...header, 14, 0]],
    ['a section twice', [...header, 1, 1, 0, 1, 1, 0]],
    ['sections out of order', [...header, 3, 1, 0, 1, 1, 0]],
    ['a section longer than the file', [...header, 1, 5, 0]],
    ['a section with bytes left over', [...header, 1, 2, 0, 0]],
    ['a number of six bytes', [...header, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0]],
    ['a number above 32 bits', [...header, 1, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a billion types', [...header, 1, 5, 0x80, 0x94, 0xeb, 0xdc, 0x03]],
    ['functions without code', [...header, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]],
    ['a name that is not UTF-8', [...header, 7, 5, 1, 1, 0xff, 0, 0]],
    ['an export of nothing', [...header, 7, 5, 1, 1, 0x61, 0, 9]],
  ])('%s', (_, bytes) => {
    expect(() => parseModule(new Uint8Array(bytes))).toThrow(PreloadError)
  })
})
