/**
 * Which tests can run in a page: those that import no Node module, neither themselves nor through the files of tests and
 * sources that they import. Found, not listed: a test that is written tomorrow runs in Chromium without being told to.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What a test file would need of Node. */
export interface Need {
  /** The Node module. */
  readonly module: string
  /** The file that imports it: the test or something it imports. */
  readonly file: string
}

/** An import or export of another module at the start of a line, types included: those cost nothing to be strict about. */
const IMPORT = /^(?:(?:import|export)\b[^'";]*?\bfrom |import )'([^']+)'/gms

/**
 * @param root - Where paths begin.
 * @param file - A TypeScript file below it.
 * @returns The first Node module that the file needs; absent when it runs in a page.
 */
export function nodeNeed(root: string, file: string, seen = new Set<string>()): Need | undefined {
  if (seen.has(file)) return undefined
  seen.add(file)
  const code = readFileSync(join(root, file), 'utf8')
  for (const [, specifier = ''] of code.matchAll(IMPORT)) {
    if (specifier.startsWith('node:')) return { module: specifier, file }
    const other = join(dirname(file), specifier)
    if (!specifier.startsWith('.') || !existsSync(join(root, other))) continue
    const need = nodeNeed(root, other, seen)
    if (need) return need
  }
  return undefined
}

/** The test files of some packages that run in a page, relative to the root, sorted. */
export const portableTests = (root: string, folders: readonly string[]): string[] =>
  folders
    .flatMap((folder) => globSync(`packages/${folder}/test/**/*.test.ts`, { cwd: root }))
    .filter((file) => nodeNeed(root, file) === undefined)
    .sort()
