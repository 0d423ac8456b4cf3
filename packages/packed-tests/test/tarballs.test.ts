/** What is in each tarball: everything that its manifest promises, nothing that only its authors need. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { type Manifest, publishableFolders, ROOT, readManifest, tarballName } from './tools/pack.ts'

const tarballs = join(inject('project'), 'tarballs')

/** The paths in a tarball, without the folder `package/` that npm puts around them. */
const contentsOf = (manifest: Manifest): string[] =>
  execFileSync('tar', ['-tzf', join(tarballs, tarballName(manifest))], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))

const installed = (manifest: Manifest, path: string): string =>
  readFileSync(join(inject('project'), 'node_modules', manifest.name, path), 'utf8')

/** Every file that the manifest points at. */
function promisedFiles({ exports = {}, bin = {} }: Manifest): string[] {
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  )
  return [...targets, ...Object.values(bin)].map((path) => path.replace(/^\.\//, ''))
}

const manifests = publishableFolders().map(readManifest)

test('there are packages to publish', () => {
  expect(manifests.map(({ name }) => name)).toContain('@vmalloc/core')
})

describe.each(manifests.map((manifest) => [manifest.name, manifest] as const))(
  '%s',
  (_, source) => {
    const files = contentsOf(source)
    const packed = JSON.parse(installed(source, 'package.json')) as Manifest

    test('has what its manifest points at, the licence, a README and a changelog', () => {
      for (const file of promisedFiles(packed)) expect(files).toContain(file)
      expect(files).toContain('README.md')
      expect(files).toContain('CHANGELOG.md')
      expect(packed.license).toBe('MIT')
      expect(installed(source, 'LICENSE')).toBe(readFileSync(join(ROOT, 'LICENSE'), 'utf8'))
    })

    test('has no test, benchmark, cache or configuration', () => {
      const unwanted =
        /(^|\/)(test|tests|bench|fixtures|node_modules|\.[^/]+)\/|\.test\.|\.bench\.|tsbuildinfo|tsconfig|vitest|\.log$/
      expect(files.filter((file) => unwanted.test(file))).toEqual([])
    })

    test('every script in dist has its declarations', () => {
      const scripts = files.filter((file) => /^dist\/.*\.js$/.test(file))
      expect(scripts.length).toBeGreaterThan(0)
      for (const script of scripts) expect(files).toContain(script.replace(/\.js$/, '.d.ts'))
    })

    test('its source maps point at sources that are in it', () => {
      for (const map of files.filter((file) => file.endsWith('.map'))) {
        const { sources } = JSON.parse(installed(source, map)) as { sources: string[] }
        for (const path of sources) expect(files).toContain(join(map, '..', path))
      }
    })

    test('depends on versions, not on the workspace', () => {
      for (const range of Object.values(packed.dependencies ?? {})) expect(range).toMatch(/^\^\d/)
    })

    test('will be published for everybody, with provenance', () => {
      expect(source.publishConfig).toEqual({ access: 'public', provenance: true })
    })
  },
)
