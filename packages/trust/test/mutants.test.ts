/** The finder of checks. The mutants themselves run by `pnpm run mutants`: minutes, not seconds. */
import { describe, expect, test } from 'vitest'
import { mutantsOf } from '../src/mutants/find.ts'

function mutated(source: string): string[] {
  return mutantsOf('x.ts', source).map(({ from, to, text }) =>
    (source.slice(0, from) + text + source.slice(to)).replace(/\s+/g, ' ').trim(),
  )
}

describe('finds checks', () => {
  test('a condition that reports: as a whole, and each operand', () => {
    expect(mutated("if (a(b) || c) throw new Error('x')")).toEqual([
      "if (false) throw new Error('x')",
      "if ( false || c) throw new Error('x')",
      "if (a(b) || false ) throw new Error('x')",
    ])
  })

  test('calls of fail, on the next line too, and in a block', () => {
    expect(mutated('if (a)\n  this.fail(b)')).toEqual(['if (false) this.fail(b)'])
    expect(mutated('if (a) {\n  throw b\n}')).toEqual(['if (false) { throw b }'])
    expect(mutated('if (a) return b')).toEqual([])
  })

  test('verdicts: each operand', () => {
    expect(mutated('const sane =\n  a &&\n  (b || c)\nif (sane) d()')).toEqual([
      'const sane = true && (b || c) if (sane) d()',
      'const sane = a && true if (sane) d()',
    ])
  })
})
