/** Reads what the workspace says about itself: manifests, project references, import specifiers. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'

export const ROOT = join(import.meta.dirname, '../../..')
export const PACKAGES = join(ROOT, 'packages')

/** The part of a package.json that the gates look at. */
export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly type?: string
  readonly sideEffects?: boolean | string[]
  readonly exports?: Record<string, unknown>
  readonly scripts?: Record<string, string>
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

/** The folder names under `packages/`, sorted. */
export const packageFolders = (): string[] =>
  readdirSync(PACKAGES)
    .filter((folder) => existsSync(join(PACKAGES, folder, 'package.json')))
    .sort()

export const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(PACKAGES, folder, 'package.json'), 'utf8')) as Manifest

/** Everything that is installed with the package at its user's. */
export const runtimeDependencies = (manifest: Manifest): string[] =>
  [manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies].flatMap(
    (group) => Object.keys(group ?? {}),
  )

/** `@vmalloc/memory` -> `memory`; anything else -> undefined. */
export const folderOf = (specifier: string): string | undefined =>
  /^@vmalloc\/([^/]+)/.exec(specifier)?.[1]

/** The packages that a tsconfig of a package refers to, without itself. */
export function referencedFolders(folder: string, config: string): string[] {
  const file = join(PACKAGES, folder, config)
  const { references = [] } = JSON.parse(readFileSync(file, 'utf8')) as {
    references?: { path: string }[]
  }
  return references
    .map(({ path }) => normalize(join(dirname(file), path)))
    .map((path) => basename(path.endsWith('.json') ? dirname(path) : path))
    .filter((name) => name !== folder)
}

/** A statement at the start of a line, or a call; code within a string literal on its own line is not told apart. */
const IMPORT =
  /(?:^(?:import|export)\b[^'"`;=]*?\bfrom\s*|^import\s*|\bimport\(\s*|\bimport\.meta\.resolve\(\s*)(['"])([\w@#./:-]+)\1/gm

/** Bare import specifiers in a package's `src`, each with the file it stands in. */
export function importsOf(folder: string): { file: string; specifier: string }[] {
  const src = join(PACKAGES, folder, 'src')
  return globSync('**/*.ts', { cwd: src }).flatMap((file) => {
    // Whole-line comments only: examples in documentation import what the user has, not what the layer may.
    const code = readFileSync(join(src, file), 'utf8').replace(/^\s*(?:\*|\/\/|\/\*).*$/gm, '')
    return [...code.matchAll(IMPORT)]
      .map((match) => match[2] ?? '')
      .filter((specifier) => !specifier.startsWith('.'))
      .map((specifier) => ({ file: `packages/${folder}/src/${file}`, specifier }))
  })
}
