/** The inspector's page, as files of this package. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** From `src/serve` and from `dist/serve` alike. */
const PAGE = fileURLToPath(new URL('../../page/', import.meta.url))
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}
/** Tells the page that a heap is served with it, and where. */
const HINT = '<meta name="vmalloc-heap" content="heap" />'

/** One answer. */
export interface PageFile {
  readonly type: string
  readonly content: Uint8Array
}

/** In a clone the page is built by a command of its own; a package always has it. */
const MISSING: PageFile = {
  type: 'text/plain; charset=utf-8',
  content: Buffer.from('The page is not built here. From the root of the clone: pnpm run build\n'),
}

/**
 * Reads the page once: later nothing in a request can lead to another file.
 *
 * @param folder - Where it was built; by default what comes with this package.
 * @returns By path; that of the page itself is empty.
 */
export function readPage(folder: string = PAGE): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>()
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  for (const name of names) {
    const type = TYPES[extname(name)]
    if (type === undefined) continue
    const content = readFileSync(join(folder, name))
    files.set(name.replaceAll(sep, '/'), { type, content })
  }
  const index = files.get('index.html')
  if (index === undefined) return new Map([['', MISSING]])
  const html = Buffer.from(index.content).toString('utf8').replace('<head>', `<head>${HINT}`)
  return files.set('', { type: index.type, content: Buffer.from(html) })
}
