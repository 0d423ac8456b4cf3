/** The pages of the project: what people read, here and in what is published. */
import { globSync } from 'node:fs'
import { ROOT } from './workspace.ts'

/** Changelogs are made of changesets: those are read instead. */
const LEFT_OUT = /(^|\/)(node_modules|dist|\.cache)\/|CHANGELOG\.md$/

/** All Markdown of the workspace, sorted; paths relative to its root. */
export const pages = (): string[] =>
  globSync(['*.md', 'docs/**/*.md', 'packages/**/*.md', '.changeset/*.md'], {
    cwd: ROOT,
    exclude: (path) => path === 'node_modules' || path === 'dist',
  })
    .filter((page) => !LEFT_OUT.test(page))
    .sort()
