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

/** Links to files of the repository and to headings: everything that is not a URL. Code blocks have no links. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link))
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsOf(markdown: string): Set<string> {
  const prose = markdown.replace(/^```.*?^```$/gms, '')
  return new Set(
    [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}
