/** The section of the README that is made from the last complete run. */
import { readFileSync, writeFileSync } from 'node:fs'
import { README } from '../paths.ts'
import type { Results } from '../results.ts'
import { number, table } from './format.ts'
import { losses } from './losses.ts'
import { conditions } from './tables.ts'
import { targets } from './targets.ts'

const BEGIN = '<!-- made by run bench: begin -->'
const END = '<!-- made by run bench: end -->'

/** What stands between the markers. */
export function readmeSection(results: Results): string {
  const lost = losses(results)
  const met = targets(results).map(({ what, wanted, found, met: yes }) => [
    what,
    wanted,
    number(found),
    yes ? 'yes' : '**no**',
  ])
  return [
    '## Last complete run',
    conditions(results),
    '![Times of all contenders relative to ours](results/latest.svg)',
    'All tables: [results/latest.md](results/latest.md).',
    '### Targets',
    table(['', 'wanted', 'found', 'met'], met),
    '### Where we lose',
    lost.length === 0 ? 'Nowhere in this run.' : lost.map((loss) => `- ${loss}`).join('\n'),
  ].join('\n\n')
}

/** @throws Error when the markers are gone. */
export function withSection(readme: string, section: string): string {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`README.md lacks "${BEGIN}" and "${END}"`)
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${readme.slice(end)}`
}

/** Puts the section of `results` into the README. */
export function keepInReadme(results: Results): void {
  writeFileSync(README, withSection(readFileSync(README, 'utf8'), readmeSection(results)))
}
