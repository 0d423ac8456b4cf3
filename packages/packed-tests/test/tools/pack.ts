/** Makes the tarballs that a release would upload, with the command that a release uses. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export const ROOT: string = join(import.meta.dirname, '../../../..')
const PACKAGES = join(ROOT, 'packages')
const PACK_TIMEOUT_MS = 60_000

/** The part of a package.json that matters to whoever installs it. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly license?: string
  readonly packageManager?: string
  readonly exports?: Record<string, string | Record<string, string>>
  readonly bin?: Record<string, string>
  readonly dependencies?: Record<string, string>
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean }
}

export const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

/** Folders of all packages that are not private, sorted by name. */
export const publishableFolders = (): string[] =>
  readdirSync(PACKAGES)
    .map((folder) => join(PACKAGES, folder))
    .filter((folder) => readdirSync(folder).includes('package.json'))
    .filter((folder) => readManifest(folder).private !== true)
    .sort()

/** `@vmalloc/small` 0.0.0 -> `vmalloc-small-0.0.0.tgz`, as npm and pnpm name it. */
export const tarballName = ({ name, version }: Manifest): string =>
  `${name.replace('@', '').replace('/', '-')}-${version}.tgz`

/**
 * Packs every publishable package from its built `dist`. Only pnpm replaces `workspace:^` and adds the licence of the
 * workspace; `npm pack` does neither.
 */
export function packAll(destination: string): void {
  const filters = publishableFolders().flatMap((folder) => ['--filter', readManifest(folder).name])
  // The pnpm that runs these tests, where one does.
  const runner = process.env['npm_execpath'] ?? ''
  const [command = '', ...start] = basename(runner).startsWith('pnpm')
    ? [runner]
    : ['npx', '-y', readManifest(ROOT).packageManager ?? 'pnpm']
  run(command, [...start, '-r', ...filters, 'pack', '--pack-destination', destination])
}

/** Packs installed third-party packages again, so that the bare project needs no registry. */
export function packInstalled(folders: readonly string[], destination: string): void {
  if (folders.length === 0) return
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', destination, ...folders])
}

/** Runs a command in the workspace; its output is shown only if it fails. */
function run(command: string, parameters: readonly string[]): void {
  execFileSync(command, parameters, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: PACK_TIMEOUT_MS,
  })
}
