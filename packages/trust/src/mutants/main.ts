/**
 * Mutation testing of the checks: `pnpm --filter @vmalloc/trust run mutants [--sample N] [--seed S] [--only TEXT]`.
 *
 * First, the tests must pass without any mutant. Prints each mutant and whether a test noticed, then the score and the
 * survivors. Ends with status 1 below 95 %.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Random } from '@vmalloc/conformance'
import { type Mutant, mutantsOf } from './find.ts'
import { EXPLAINED, TARGETS, type Target } from './plan.ts'
import { type Result, Workshop } from './workshop.ts'

const LEAST_SCORE = 0.95

const { values } = parseArgs({
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})

const root = fileURLToPath(new URL('../../../../', import.meta.url))
using workshop = new Workshop(root)

const all = TARGETS.flatMap((target) =>
  filesOf(target).flatMap((file) =>
    mutantsOf(file, readFileSync(workshop.path(file), 'utf8')).map((mutant) => ({
      target,
      mutant,
    })),
  ),
).filter(({ mutant }) => mutant.file.includes(values.only))
const chosen = new Random(Number(values.seed))
  .shuffled(all)
  .slice(0, Number(values.sample ?? all.length))

if (all.length === 0)
  throw new RangeError(`--only ${values.only}: no check in a file of such a path`)
console.log(`${chosen.length} of ${all.length} mutants`)
requireSoundTests()
const survivors: Mutant[] = []
const WORDS = { passed: 'SURVIVED', failed: 'killed', 'timed out': 'timed out' } as const
let timedOut = 0
for (const { target, mutant } of chosen) {
  const result = resultOf(target, mutant)
  if (result === 'passed') survivors.push(mutant)
  if (result === 'timed out') timedOut++
  console.log(`${WORDS[result].padEnd(9)} ${mutant.file}:${mutant.line} ${mutant.check}`)
}
const unexplained = survivors.filter(
  ({ file, check }) => EXPLAINED[`${file}: ${check}`] === undefined,
)
const score = 1 - unexplained.length / Math.max(1, chosen.length)
console.log(
  `score ${(score * 100).toFixed(1)} %: ${survivors.length} of ${chosen.length} survived, ${timedOut} timed out`,
)
for (const { file, line, check } of survivors)
  console.log(`  ${file}:${line} ${check}: ${EXPLAINED[`${file}: ${check}`] ?? 'not explained'}`)
process.exitCode = score < LEAST_SCORE ? 1 : 0

/** Tests that fail anyway would kill every mutant. */
function requireSoundTests(): void {
  const tests = new Map(
    chosen.flatMap(({ target }) => target.tests.map((test) => [test.join(' '), test] as const)),
  )
  for (const [name, test] of tests) {
    const result = workshop.run(test)
    console.log(`${result.padEnd(9)} without a mutant: ${name}`)
    if (result !== 'passed') throw new Error(`the tests "${name}" ${result} without a mutant`)
  }
}

/** Of the first tests that notice, `passed` when none does. */
function resultOf({ tests }: Target, { file, from, to, text }: Mutant): Result {
  const path = workshop.path(file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, source.slice(0, from) + text + source.slice(to))
  try {
    for (const test of tests) {
      const result = workshop.run(test)
      if (result !== 'passed') return result
    }
    return 'passed'
  } finally {
    writeFileSync(path, source)
  }
}

function filesOf({ sources }: Target): string[] {
  return sources.flatMap((source) =>
    statSync(workshop.path(source)).isFile()
      ? [source]
      : readdirSync(workshop.path(source))
          .filter((name) => name.endsWith('.ts'))
          .map((name) => `${source}/${name}`),
  )
}
