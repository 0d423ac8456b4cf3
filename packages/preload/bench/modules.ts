/**
 * Writes MODULES.md: every module tried, what was found, the verdict; and for the programs with a workload, whether the
 * results were the same, and what it cost.
 *
 *     pnpm --filter @vmalloc/preload run modules              the modules and programs of the tests, about four minutes
 *     pnpm --filter @vmalloc/preload run modules PART...      parts by name: found, programs, others, large
 *
 * `others` and `large` install packages first. Parts that are not asked for stay as they are.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { MODULES } from '../test/modules.ts'
import { WORKS } from '../test/programs/index.ts'
import { fileOf } from '../test/programs/program.ts'
import { FOUND_HEAD, foundRow } from './found.ts'
import { LONG_WORKS } from './long/index.ts'
import { LARGE, OTHERS, optionalModules } from './optional-modules.ts'
import { MEASURED_HEAD, measuredRow, TRIES } from './programs.ts'

const FILE = join(import.meta.dirname, '../MODULES.md')

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const optional = (packages: readonly string[]): string =>
  table(
    FOUND_HEAD,
    optionalModules(packages).map(({ path, bytes }) => foundRow(path, bytes)),
  )

/** Text of each part, by its name on the command line. */
const PARTS: Readonly<Record<string, { readonly title: string; make(): string }>> = {
  found: {
    title: 'What was found',
    make: () => `To analyse is to find the family, once for each content; to rewrite is what each compilation costs. Both are the least
of three times, or the one above half a second.

${table(
  FOUND_HEAD,
  Object.values(MODULES).map((path) => foundRow(path, new Uint8Array(readFileSync(fileOf(path))))),
)}`,
  },
  programs: {
    title: 'Programs with a workload',
    make: () => `CPU time of the best round of ${TRIES} processes with 4 s each, the modes in turns; the other columns as multiples of it.
Results of all modes are compared with those of the untouched module. Where a target is missed, the README says why.

${table(
  MEASURED_HEAD,
  WORKS.map(({ program }) => measuredRow(program.name)),
)}`,
  },
  others: { title: 'Other packages of npm', make: () => optional(OTHERS) },
  large: {
    title: 'Large programs',
    make: () => `${optional(LARGE)}

As above, in one process for each mode.

${table(
  MEASURED_HEAD,
  LONG_WORKS.map(({ program }) => measuredRow(program.name, 1)),
)}`,
  },
}

const before = existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''

/** A part as the file has it; empty when it has none. */
function kept(title: string): string {
  const [, after = ''] = before.split(`\n## ${title}\n`)
  return after.split('\n## ')[0].trim()
}

const asked = process.argv.slice(2)
const wanted = asked.length === 0 ? ['found', 'programs'] : asked
for (const name of wanted) if (!Object.hasOwn(PARTS, name)) throw new Error(`no part ${name}`)

const sections = Object.entries(PARTS)
  .map(([name, { title, make }]) => ({ title, body: wanted.includes(name) ? make() : kept(title) }))
  .filter(({ body }) => body !== '')
  .map(({ title, body }) => `## ${title}\n\n${body}\n`)

const text = `# Modules tried

Written by \`pnpm --filter @vmalloc/preload run modules\` on Node ${process.version}, ${cpus()[0].model}.
Versions are those of package.json, and of bench/optional-modules.ts.

${sections.join('\n')}`
writeFileSync(FILE, text)
process.stdout.write(text)
