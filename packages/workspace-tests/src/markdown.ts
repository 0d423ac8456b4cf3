/** Reads Markdown the way the tests need it: programs in it, links in it, places that a link can lead to. */

/** One program: its files by name. */
export type Program = ReadonlyMap<string, string>

/**
 * Every block of TypeScript. One without a name is a program of its own, as `main.ts`. Blocks that begin with `// name.ts`
 * and follow each other are the files of one program, up to the next `// main.ts` when it has one.
 */
export function programsOf(markdown: string): Program[] {
  const programs: Map<string, string>[] = []
  let open: Map<string, string> | undefined
  for (const [, code = ''] of markdown.matchAll(/^```ts\n(.*?)^```$/gms)) {
    const name = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1]
    if (open === undefined || name === undefined || open.has(name)) {
      open = new Map()
      programs.push(open)
    }
    open.set(name ?? 'main.ts', code)
    if (name === undefined) open = undefined
  }
  return programs
}

/**
 * Turns each line `expression // => value` into an assertion. Line numbers stay what they are on the page.
 *
 * @returns The code, and how many assertions it has.
 */
export function withAssertions(code: string): { code: string; count: number } {
  let count = 0
  const lines = code.replace(
    /^( *)(.+?) +\/\/ => (.+)$/gm,
    (_, indent: string, expression: string, value: string) => {
      count++
      return `${indent}assert.deepEqual(${expression}, ${value})`
    },
  )
  const asserting = `import assert from 'node:assert/strict'; ${lines}`
  return { code: count === 0 ? lines : asserting, count }
}

/** What follows the opening fence of each block of code: the language, and whatever is said about it. */
export const codeLabelsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^```([^\n]*)\n.*?^```$/gms)].map(([, label = '']) => label.trim())

/** Where a page leads: links and images, of Markdown and HTML, reference definitions included. Code has no links. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '')
  return [
    /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g,
    /<[a-z]+\b[^>]*?\b(?:src|href)="([^"]+)"/g,
    /^\[[^\]]+\]:\s+(\S+)/gm,
  ].flatMap((form) => [...prose.matchAll(form)].map((match) => match[1] ?? ''))
}

/** The anchors that GitHub gives the headings of a page, numbered where a heading comes again, and those of HTML. */
export function anchorsOf(markdown: string): Set<string> {
  const prose = markdown.replace(/^```.*?^```$/gms, '')
  const anchors = new Set<string>()
  for (const [, heading = ''] of prose.matchAll(/^#+ (.+)$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const anchor = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    let count = 0
    while (anchors.has(count === 0 ? anchor : `${anchor}-${count}`)) count++
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`)
  }
  for (const [, id = ''] of prose.matchAll(/<[a-z]+\b[^>]*?\bid="([^"]+)"/g)) anchors.add(id)
  return anchors
}
