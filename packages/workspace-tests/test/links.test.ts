/** Links lead somewhere, on every page: to files, to headings, and to URLs that can be read. Commands on pages exist. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { anchorsOf, linksOf, programsOf } from '../src/markdown.ts'
import { pages } from '../src/pages.ts'
import { manifestOf, packageFolders, ROOT } from '../src/workspace.ts'

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** What is wrong with a link of a page; absent: nothing. */
function fault(page: string, link: string): string | undefined {
  if (/^[a-z]+:/i.test(link)) {
    if (!URL.canParse(link)) return 'no URL'
    const { protocol, hostname } = new URL(link)
    return protocol === 'https:' && hostname.includes('.') ? undefined : 'no https URL'
  }
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(ROOT, target))) return 'no such file'
  if (anchor === undefined || anchorsOf(read(target)).has(anchor)) return undefined
  return 'no such heading'
}

test('pages of all kinds are looked at', () => {
  expect(pages()).toEqual(
    expect.arrayContaining([
      'README.md',
      'docs/DESIGN.md',
      'packages/core/README.md',
      'packages/cli/traces/README.md',
      'packages/preload/docs/toolchains.md',
    ]),
  )
})

test('the list of pages has every page, and the README every package that is published', () => {
  const listed = linksOf(read('docs/README.md')).map((link) => join('docs', link))
  const docs = pages().filter((page) => /^docs\/(?!README)/.test(page))
  expect(listed).toEqual(expect.arrayContaining(docs))
  const linked = linksOf(read('README.md')).map((link) => link.replace(/\/README\.md$/, ''))
  const published = packageFolders().filter((folder) => manifestOf(folder).private !== true)
  expect(linked).toEqual(expect.arrayContaining(published.map((folder) => `packages/${folder}`)))
})

describe.each(pages())('%s', (page) => {
  test('its links lead to files and headings that exist, or are URLs', () => {
    const faults = linksOf(read(page)).map((link) => [link, fault(page, link)])
    expect(faults.filter(([, what]) => what !== undefined)).toEqual([])
  })

  test('the commands of the workspace that it names exist', () => {
    const text = read(page)
    const root = [...text.matchAll(/\bpnpm@12\.21\.0 run ([\w:-]+)/g)].map(([, name]) => name)
    expect(Object.keys(manifestOf('..').scripts ?? {})).toEqual(expect.arrayContaining(root))
    const ofPackages = /--filter @vmalloc\/([\w-]+) (?:run )?([\w:-]+)/g
    for (const [, folder = '', script = ''] of text.matchAll(ofPackages))
      if (script !== 'exec') expect(manifestOf(folder).scripts).toHaveProperty([script])
  })
})

test('a dead link is seen: to a file, to a heading, to no URL; code is no link', () => {
  expect(
    linksOf(
      '[a](b.md) [c](#d) `[g](h)`\n```\n[i](j)\n```\n<img src="k.png"> <a href="l.md">m</a>\n[n]: o.md "title"\n![p](q.png "r")',
    ),
  ).toEqual(['b.md', '#d', 'q.png', 'k.png', 'l.md', 'o.md'])
  expect(anchorsOf('## 2. Words, and `code`\n```\n# no\n```\n## Twice\n## Twice\n')).toEqual(
    new Set(['2-words-and-code', 'twice', 'twice-1']),
  )
  expect(fault('README.md', 'nowhere.md')).toBe('no such file')
  expect(fault('README.md', '#nowhere')).toBe('no such heading')
  expect(fault('README.md', 'http://a.b')).toBe('no https URL')
  expect(fault('README.md', 'https://a b')).toBe('no URL')
})

test('files of a program are found before and after its main.ts', () => {
  const block = (code: string): string => `text\n\`\`\`ts\n${code}\n\`\`\`\n`
  const names = (...codes: string[]): string[][] =>
    programsOf(codes.map(block).join('')).map((program) => [...program.keys()])
  expect(names('1', '2')).toEqual([['main.ts'], ['main.ts']])
  expect(names('1', '// a.ts', '// main.ts', '2')).toEqual([
    ['main.ts'],
    ['a.ts', 'main.ts'],
    ['main.ts'],
  ])
  expect(names('// main.ts', '// worker.ts', '// main.ts')).toEqual([
    ['main.ts', 'worker.ts'],
    ['main.ts'],
  ])
})
