/**
 * What an import costs a page, held against budgets, and what must not come along with it.
 *
 * A budget is the size when it was set and a tenth more: growth beyond that is a decision, and is made here.
 */
import { brotliCompressSync } from 'node:zlib'
import { describe, expect, inject, test } from 'vitest'
import { bundleText } from './tools/bundle.ts'
import { publishableFolders, readManifest } from './tools/pack.ts'

interface Budget {
  readonly code: string
  /** Bytes after minification; bytes of that under brotli. */
  readonly minified: number
  readonly brotli: number
  /** Names of classes of other layers that this import must not pull in. */
  readonly without: readonly string[]
  /** For whom it is bundled; absent: for a page. */
  readonly platform?: 'node'
}

const STRATEGIES = ['ChunkPool', 'Buddy', 'Fit', 'MappedBlocks']
/** What a strategy has no use for: it is given its parent, and throws nothing of theirs. */
const UPPER = ['Heap', 'HeapCorruptionError', 'AddressSpace', 'Memory', 'TraceError']
const others = (own: string): string[] => STRATEGIES.filter((name) => name !== own)

/** Of the conformance kit. */
const TOOLS = ['Kit', 'World', 'ConformanceError', 'ShadowModel']

const OTHER_MARKS = ['Mmix', 'ClassicMark', 'DebugMark']

const BUDGETS: Record<string, Budget> = {
  'Heap of core': {
    code: "export { Heap } from '@vmalloc/core'",
    minified: 174_500,
    brotli: 49_500,
    // What tests strategies, and what rewrites modules.
    without: [...TOOLS, 'PreloadError'],
  },
  'ChunkPool of small': {
    code: "export { ChunkPool } from '@vmalloc/small'",
    minified: 6_900,
    brotli: 2_600,
    without: [...UPPER, ...others('ChunkPool')],
  },
  'Buddy of buddy': {
    code: "export { Buddy } from '@vmalloc/buddy'",
    minified: 15_700,
    brotli: 5_200,
    without: [...UPPER, ...others('Buddy')],
  },
  'Fit of fit': {
    code: "export { Fit } from '@vmalloc/fit'",
    minified: 16_400,
    brotli: 5_500,
    without: [...UPPER, ...others('Fit')],
  },
  'MappedBlocks of large': {
    code: "export { MappedBlocks } from '@vmalloc/large'",
    minified: 2_900,
    brotli: 1_120,
    without: [...UPPER, ...others('MappedBlocks')],
  },
  'Mark32 of marking': {
    code: "export { Mark32 } from '@vmalloc/marking'",
    minified: 8_800,
    brotli: 3_050,
    without: [...STRATEGIES, 'Heap', 'AddressSpace', 'Memory', 'TraceError', ...OTHER_MARKS],
  },
  'Memory and AddressSpace of memory': {
    code: "export { AddressSpace, Memory } from '@vmalloc/memory'",
    minified: 25_700,
    brotli: 8_500,
    without: [...STRATEGIES, 'Heap', 'HeapCorruptionError', 'TraceError'],
  },
  'conformanceCases of conformance': {
    code: "export { conformanceCases } from '@vmalloc/conformance'",
    minified: 44_000,
    brotli: 13_500,
    without: [...STRATEGIES, 'Heap', 'HeapCorruptionError', 'TraceError'],
  },
  'instantiate of preload': {
    code: "export { instantiate } from '@vmalloc/preload'",
    minified: 241_000,
    brotli: 72_000,
    without: TOOLS,
  },
  'everything of cli': {
    code: "export * from '@vmalloc/cli'",
    minified: 31_000,
    brotli: 11_600,
    without: [...TOOLS, 'PreloadError'],
    platform: 'node',
  },
  'decodeTrace of trace': {
    code: "export { decodeTrace } from '@vmalloc/trace'",
    minified: 3_900,
    brotli: 1_660,
    without: [...STRATEGIES, ...UPPER.filter((name) => name !== 'TraceError'), 'TraceWriter'],
  },
}

const classesIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/\bclass (\w+)|\bvar (\w+) = class\b/g)].map(([, a, b]) => a ?? b ?? ''),
  )

describe.each(Object.entries(BUDGETS))('%s', (name, budget) => {
  const { code, minified, brotli, without, platform = 'browser' } = budget

  test('stays within its budget', async () => {
    const text = await bundleText(inject('project'), code, { minify: true, platform })
    const size = { minified: Buffer.byteLength(text), brotli: brotliCompressSync(text).length }
    console.log(`${name}: ${size.minified} bytes minified, ${size.brotli} with brotli`)
    expect.soft(size.minified).toBeLessThanOrEqual(minified)
    expect.soft(size.brotli).toBeLessThanOrEqual(brotli)
  })

  test('brings no class of another layer', async () => {
    const classes = classesIn(await bundleText(inject('project'), code, { platform }))
    expect(classes.size).toBeGreaterThan(0)
    expect(without.filter((unwanted) => classes.has(unwanted))).toEqual([])
  })
})

test('the names that are looked for exist: a whole import has them all', async () => {
  const packages = publishableFolders().map((folder) => readManifest(folder).name)
  const code = packages
    .filter((name) => name !== '@vmalloc/cli')
    .map((name, index) => `export * as p${index} from '${name}'`)
    .join('\n')
  const classes = classesIn(await bundleText(inject('project'), code))
  const looked = new Set(Object.values(BUDGETS).flatMap(({ without }) => without))
  expect([...looked].filter((name) => !classes.has(name))).toEqual([])
})
