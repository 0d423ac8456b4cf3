/** Start-up: from nothing to the first block, each time in a fresh process, from one minified file. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { minified } from './bundle.ts'
import type { ContenderEntry } from './contenders/contender.ts'
import { PACKAGE } from './paths.ts'
import { perform } from './processes.ts'
import type { StartupRow } from './results.ts'
import { median, rounded } from './statistics.ts'

/** Processes per round: they are short, and so is what they measure. */
const PROCESSES_PER_ROUND = 3

/** Floors are nothing to start, the fused class is nothing to publish. */
function isStarted({ role }: ContenderEntry): boolean {
  return role === 'ours' || role === 'rival'
}

export async function measureStartup(
  program: string,
  contenders: readonly ContenderEntry[],
  rounds: number,
): Promise<StartupRow[]> {
  // Beside the snapshot, and gone with it.
  const dir = join(dirname(program), 'startup')
  mkdirSync(dir, { recursive: true })
  const bundles = new Map<string, string>()
  for (const { name, file } of contenders.filter(isStarted)) {
    const bundle = join(dir, `${name}.mjs`)
    writeFileSync(bundle, await minified(join(PACKAGE, 'src/contenders', file), 'node'))
    bundles.set(name, bundle)
  }
  const replies = new Map<string, { importMs: number; firstBlockMs: number }[]>()
  for (let round = 0; round < rounds * PROCESSES_PER_ROUND; round++) {
    for (const [name, bundle] of bundles) {
      const outcome = await perform(program, { type: 'startup', bundle })
      if ('failure' in outcome) throw new Error(`start-up of ${name}: ${outcome.failure}`)
      replies.set(name, [...(replies.get(name) ?? []), outcome.reply])
    }
  }
  return [...replies].map(([contender, all]) => ({
    contender,
    importMs: rounded(median(all.map((reply) => reply.importMs)), 2),
    firstBlockMs: rounded(median(all.map((reply) => reply.firstBlockMs)), 2),
  }))
}
