/**
 * More modules than the tests have: packages that are installed for the table of modules only, outside of the lockfile, into
 * `.cache/modules`. Versions are pinned, so that the table can be made again.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../src/content.ts'

/** Small and well known: image codecs, compression, databases, parsers, physics, cryptography. */
export const OTHERS: readonly string[] = [
  '7z-wasm@1.2.0',
  '@adguard/re2-wasm@1.2.0',
  '@bokuweb/zstd-wasm@0.0.27',
  '@cornerstonejs/codec-charls@1.2.7',
  '@cwasm/jpeg-turbo@0.1.3',
  '@cwasm/lodepng@0.1.9',
  '@cwasm/nsgif@0.1.2',
  '@cwasm/webp@0.1.5',
  '@dqbd/tiktoken@1.0.22',
  '@foxglove/wasm-bz2@0.3.0',
  '@foxglove/wasm-lz4@1.0.2',
  '@foxglove/wasm-zstd@1.0.1',
  '@jsquash/jpeg@1.6.0',
  '@jsquash/webp@1.5.0',
  'argon2-browser@1.18.0',
  'box2d-wasm@7.0.0',
  'brotli-wasm@3.0.1',
  'draco3d@1.5.9',
  'jq-web@0.6.2',
  'libheif-js@1.23.2',
  'node-sqlite3-wasm@0.8.60',
  'onigasm@2.2.5',
  'source-map@0.8.0-beta.0',
  'wa-sqlite@1.0.0',
  'xmllint-wasm@5.3.0',
  'zxing-wasm@3.1.4',
]

/** Large ones: a hundred megabytes to download. */
export const LARGE: readonly string[] = [
  '@duckdb/duckdb-wasm@1.32.0',
  'mupdf@1.28.1',
  'pyodide@314.0.7',
]

export const OPTIONAL_FOLDER: string = join(import.meta.dirname, '../.cache/modules')

/** A module of an optional package. */
export interface OptionalModule {
  /** Below the folder of installed packages. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** Installs what is missing. @returns Their `.wasm` files, each content once, in the order of their names. */
export function optionalModules(packages: readonly string[]): OptionalModule[] {
  mkdirSync(OPTIONAL_FOLDER, { recursive: true })
  const manifest = join(OPTIONAL_FOLDER, 'package.json')
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n')
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--legacy-peer-deps']
  execFileSync('npm', ['install', ...quiet, ...packages], {
    cwd: OPTIONAL_FOLDER,
    stdio: 'inherit',
  })
  const seen = new Set<string>()
  return packages.flatMap((specifier) => {
    const name = specifier.slice(0, specifier.lastIndexOf('@'))
    const root = join(OPTIONAL_FOLDER, 'node_modules')
    return globSync(`${name}/**/*.wasm`, { cwd: root })
      .sort()
      .map((path) => ({ path, bytes: new Uint8Array(readFileSync(join(root, path))) }))
      .filter(({ bytes }) => {
        const { key } = digestOf(bytes)
        return !seen.has(key) && seen.add(key)
      })
  })
}
