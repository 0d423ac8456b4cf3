/**
 * Ideas and what they give, for docs/footprint.md: `node --conditions=@vmalloc/source src/ideas/main.ts WHAT`.
 */
import { parseArgs } from 'node:util'
import { backings } from './backings.ts'
import { batches } from './batch.ts'
import { callocs } from './calloc.ts'
import { footprints } from './footprint.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { traces: { type: 'string' } },
})

const PARTS: Readonly<Record<string, () => void | Promise<void>>> = {
  footprint: () => footprints(values.traces),
  batch: batches,
  calloc: callocs,
  backing: backings,
}

const chosen = positionals.length === 0 ? Object.keys(PARTS) : positionals
for (const name of chosen) {
  const run = PARTS[name]
  if (run === undefined) throw new RangeError(`${name} is none of ${Object.keys(PARTS).join(', ')}`)
  console.log(`\n## ${name}\n`)
  await run()
}
