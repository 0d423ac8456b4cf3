/**
 * The examples in the documentation of the sources run, and say the truth: in a line `expression // => value` the two
 * are equal.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const OUTPUT = join(ROOT, '.cache/examples')

interface Example {
  readonly name: string
  readonly code: string
}

/** All fenced blocks under an `@example`, without the stars of the comment. */
function examplesOf(file: string): Example[] {
  const source = readFileSync(join(ROOT, file), 'utf8')
  return [...source.matchAll(/@example\s*\n\s*\* ```ts\n([\s\S]*?)\n\s*\* ```/g)].map(
    ([, body], i) => ({
      name: `${basename(file, '.ts')}-${i + 1}`,
      code: (body as string).replaceAll(/^\s*\* ?/gm, ''),
    }),
  )
}

const examples = globSync('src/**/*.ts', { cwd: ROOT }).sort().flatMap(examplesOf)

test('there are examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(10)
})

test.each(examples.map(({ name, code }) => [name, code] as const))('%s', async (name, code) => {
  let claims = 0
  const checked = code.replaceAll(
    /^(\s*)(\S.*?) \/\/ => (.*)$/gm,
    (_line, indent, expression, value) => {
      claims++
      return `${indent}expect(${expression}).toEqual(${value})`
    },
  )
  expect(claims).toBeGreaterThan(0)
  mkdirSync(OUTPUT, { recursive: true })
  const file = join(OUTPUT, `${name}.ts`)
  writeFileSync(file, `import { expect } from 'vitest'\n${checked}\nexport const done = true\n`)
  expect(await import(/* @vite-ignore */ pathToFileURL(file).href)).toMatchObject({ done: true })
})
