/** The page `docs/misuse.md`, made from what the matrix found. */
import { PRESETS } from './bench.ts'
import { OPEN_ROWS, ROWS } from './rows.ts'
import type { Outcome } from './run.ts'

const HEAD = `# What is found, and how surely

Made from the results of a test (\`pnpm --filter @vmalloc/trust run docs\`): do not edit. Each cell says how many of the
ways to commit a misuse were found, and under which code. After every report \`check()\` is clean, and 10 000 random
operations run correctly. \`sampled\` is shown for guarded blocks (\`sampleEvery: 1\`): an allocation is one with the
probability 1 / \`sampleEvery\`.

| # | misuse | ${PRESETS.join(' | ')} |
| --- | --- | ${PRESETS.map(() => '---').join(' | ')} |
`

export function misusePage(outcomes: ReadonlyMap<number, readonly Outcome[]>): string {
  const open = OPEN_ROWS.map(({ id, title, verdict }) => ({
    id,
    line: `| ${id} | ${title} | ${PRESETS.map(() => verdict).join(' | ')} |`,
  }))
  const tried = ROWS.map(({ id, title }) => ({
    id,
    line: `| ${id} | ${title} | ${(outcomes.get(id) ?? []).map(cell).join(' | ')} |`,
  }))
  const lines = [...tried, ...open].sort((a, b) => a.id - b.id).map(({ line }) => line)
  const notes = [...ROWS, ...OPEN_ROWS]
    .sort((a, b) => a.id - b.id)
    .map(({ id, note }) => `- **${id}** ${note}.`)
  return `${HEAD}${lines.join('\n')}\n\n## Notes\n\n${notes.join('\n')}\n`
}

function cell({ trials, found, codes }: Outcome): string {
  if (found === 0) return `no (0/${trials})`
  const named = codes
    .map((code) => (code === 'Refused' ? 'refused' : code === 'LinkError' ? 'link' : code))
    .join(', ')
  return `${found === trials ? 'yes' : 'partly'} (${found}/${trials}): ${named}`
}
