/**
 * Runs the examples of this package's README and of the project's: every block of TypeScript, as a program of its own.
 *
 * A line `expression // => value` asserts; a block that begins with `// name.ts` becomes a file of that name, and `main.ts`
 * is what runs. The commands that the READMEs name must exist.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const PACKAGE = join(import.meta.dirname, '..')
const ROOT = join(PACKAGE, '../..')
/** Inside the package, so that imports resolve as they do for its users. */
const SCRATCH = join(PACKAGE, '.cache/readme')
const TIMEOUT_MS = 60_000

const READMES = {
  'packages/core/README.md': { programs: 4, assertions: 15 },
  'README.md': { programs: 1, assertions: 4 },
}

/** One program: its files by name. */
type Program = Map<string, string>

function programsOf(markdown: string): Program[] {
  const programs: Program[] = []
  for (const [, code] of markdown.matchAll(/^```ts\n(.*?)^```$/gms)) {
    const name = /^\/\/ (\S+\.ts)\n/.exec(code as string)?.[1] ?? 'main.ts'
    if (name === 'main.ts') programs.push(new Map())
    programs.at(-1)?.set(name, code as string)
  }
  return programs
}

/** Turns `expression // => value` into an assertion. @returns The code, and how many assertions it has. */
function withAssertions(code: string): { code: string; count: number } {
  let count = 0
  const lines = code.replace(/^(.+?) +\/\/ => (.+)$/gm, (_, expression: string, value: string) => {
    count++
    return `assert.deepEqual(${expression}, ${value})`
  })
  return { code: `import assert from 'node:assert/strict'\n${lines}`, count }
}

describe.each(Object.entries(READMES))('%s', (file, expected) => {
  const programs = programsOf(readFileSync(join(ROOT, file), 'utf8'))

  test('has the examples that this test expects', () => {
    const count = programs
      .flatMap((program) => [...program.values()])
      .reduce((sum, code) => sum + withAssertions(code).count, 0)
    expect({ programs: programs.length, assertions: count }).toEqual(expected)
  })

  test.each(programs.map((program, index) => [index + 1, program] as const))(
    'example %i runs',
    { timeout: TIMEOUT_MS },
    (index, program) => {
      const folder = join(SCRATCH, `${file.replaceAll('/', '-')}-${index}`)
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { recursive: true })
      for (const [name, code] of program)
        writeFileSync(join(folder, name), withAssertions(code).code)
      const output = execFileSync(
        process.execPath,
        ['--conditions=@vmalloc/source', '--no-warnings', join(folder, 'main.ts')],
        { encoding: 'utf8', timeout: TIMEOUT_MS },
      )
      expect(output).toBe('')
    },
  )

  test('names only commands and files that exist', () => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    for (const [, script] of text.matchAll(/pnpm@12\.21\.0 (?:run )?([\w-]+)\b(?! @)/g))
      expect(Object.keys(scripts)).toContain(script)
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect(existsSync(join(ROOT, file, '..', link as string)), link).toBe(true)
  })
})
