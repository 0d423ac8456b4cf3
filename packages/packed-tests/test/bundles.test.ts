/** A user's program, bundled from the installed packages and moved away from them, on both Nodes. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { APP_OUTPUT, BUNDLERS } from './tools/bundle.ts'
import { NODES, runNode } from './tools/nodes.ts'

describe.each(Object.entries(BUNDLERS))('%s', (_, bundle) => {
  let outDir: string

  beforeAll(async () => {
    outDir = mkdtempSync(join(tmpdir(), 'vmalloc-bundle-'))
    writeFileSync(join(outDir, 'package.json'), '{ "type": "module" }')
    await bundle(inject('project'), join(outDir, 'dist'))
  })

  afterAll(() => rmSync(outDir, { recursive: true, force: true }))

  test.each(NODES)('its bundle runs on Node $version, Workers included', (node) => {
    expect(readdirSync(join(outDir, 'dist'))).toEqual(
      expect.arrayContaining(['app.js', 'worker.js']),
    )
    expect(runNode(node, outDir, 'dist/app.js')).toBe(APP_OUTPUT)
  })
})
