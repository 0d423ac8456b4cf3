/** Code size: what a bundler makes of each package, minified and compressed, against budgets. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { minified } from './bundle.ts'
import { CACHE } from './paths.ts'
import type { SizeRow } from './results.ts'

interface Subject {
  readonly name: string
  /** The module whose bundle is weighed. */
  readonly code: string
  /** The most bytes of brotli. */
  readonly budget?: number
  readonly platform?: 'node'
}

const SIX = ['memory', 'marking', 'small', 'buddy', 'large', 'core']
/** Core brings these two along. */
const WEIGHED = [...SIX, 'fit', 'trace']

/**
 * What is weighed. Each package with everything it exports and what that needs of the others; only core exports
 * things of its own of all layers, so the sum of the parts is more than the whole.
 */
const SUBJECTS: readonly Subject[] = [
  {
    name: 'six packages together',
    code: SIX.map((name) => `export * as ${name} from '@vmalloc/${name}'`).join('\n'),
    budget: 12_000,
  },
  {
    name: 'Heap alone',
    code: `export { Heap } from '@vmalloc/core'`,
    budget: 12_000,
  },
  ...WEIGHED.map((name) => ({
    name: `@vmalloc/${name}`,
    code: `export * from '@vmalloc/${name}'`,
  })),
  { name: '@thi.ng/malloc', code: `export { MemPool } from '@thi.ng/malloc'` },
  { name: 'malloc (codemix)', code: `export { default } from 'malloc'`, platform: 'node' },
]

/** Bundles, minifies and compresses every subject. Cost: about a second. */
export async function measureSizes(): Promise<SizeRow[]> {
  const dir = join(CACHE, 'size')
  mkdirSync(dir, { recursive: true })
  const rows: SizeRow[] = []
  for (const [index, { name, code, budget, platform }] of SUBJECTS.entries()) {
    const entry = join(dir, `${index}.js`)
    writeFileSync(entry, `${code}\n`)
    const bytes = Buffer.from(await minified(entry, platform))
    rows.push({
      name,
      minified: bytes.length,
      gzip: gzipSync(bytes, { level: 9 }).length,
      brotli: brotliCompressSync(bytes).length,
      ...(budget === undefined ? {} : { budget }),
    })
  }
  return rows
}
