/** No deoptimisation loop: what V8 has compiled for the hot path it keeps, below 2 GiB and above. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SOURCE_CONDITION } from '../src/paths.ts'

/** A function may meet something new a few times before its types are known; a loop would go on. */
const MOST_BAILOUTS = 6
const MOST_OUTPUT_BYTES: number = 2 ** 26

test.each(['low', 'high'])('churn at %s addresses', (where) => {
  const program = join(import.meta.dirname, 'programs/churn.ts')
  const output = execFileSync(
    process.execPath,
    ['--trace-deopt', `--conditions=${SOURCE_CONDITION}`, program, where],
    { encoding: 'utf8', maxBuffer: MOST_OUTPUT_BYTES },
  )
  const bailouts = new Map<string, number>()
  for (const [, name = ''] of output.matchAll(/bailout .*?<JSFunction (\S+)/g))
    bailouts.set(name, (bailouts.get(name) ?? 0) + 1)
  const loops = [...bailouts].filter(([, count]) => count > MOST_BAILOUTS)
  expect(loops).toEqual([])
})
