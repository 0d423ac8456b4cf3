/**
 * Once for all test files: packs, and installs the tarballs into a bare npm project.
 *
 * The project lies outside the workspace, so that nothing is found by walking up, and is installed with `--offline`: a
 * dependency that a package forgot to declare is missing there, as it would be at a user's.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { packAll, packInstalled, publishableFolders, readManifest, tarballName } from './pack.ts'
import { thirdPartyFolders } from './third-party.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The installed project; the tarballs are in its folder `tarballs`. */
    readonly project: string
  }
}

const INSTALL_TIMEOUT_MS = 60_000

export function setup({ provide }: TestProject): () => void {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'vmalloc-packed-')))
  const remove = (): void => rmSync(project, { recursive: true, force: true })
  try {
    install(project)
  } catch (error) {
    remove()
    throw error
  }
  provide('project', project)
  return remove
}

function install(project: string): void {
  const tarballs = join(project, 'tarballs')
  mkdirSync(tarballs)
  packAll(tarballs)
  const others = thirdPartyFolders()
  packInstalled(others, tarballs)
  cpSync(join(import.meta.dirname, '../../fixtures'), project, { recursive: true })

  const manifests = [...publishableFolders(), ...others].map(readManifest)
  const dependencies = Object.fromEntries(
    manifests.map((manifest) => [manifest.name, `file:tarballs/${tarballName(manifest)}`]),
  )
  if (readdirSync(tarballs).length !== manifests.length)
    throw new Error('stray or missing tarballs')
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'bare', private: true, type: 'module', dependencies }),
  )
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--omit=optional'], {
    cwd: project,
    stdio: 'pipe',
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
  })
}
