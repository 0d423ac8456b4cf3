/** What the published packages need from others, found where the workspace has it installed. */
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Manifest, publishableFolders, readManifest } from './pack.ts'

/**
 * @returns The installed folders of all run-time dependencies outside the workspace, of theirs, and so on.
 * @throws Error if two versions of one package are needed: a flat project cannot hold both.
 */
export function thirdPartyFolders(): string[] {
  const found = new Map<string, string>()
  const visit = (folder: string, manifest: Manifest): void => {
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (name.startsWith('@vmalloc/')) continue
      const installed = installedFolder(folder, name)
      const known = found.get(name)
      if (known === installed) continue
      if (known !== undefined) throw new Error(`two versions of ${name}: ${known}, ${installed}`)
      found.set(name, installed)
      visit(installed, readManifest(installed))
    }
  }
  for (const folder of publishableFolders()) visit(folder, readManifest(folder))
  return [...found.values()]
}

/** Node's look-up by hand: `require.resolve` does not find packages whose `exports` hide their manifest. */
function installedFolder(from: string, name: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate)
    if (folder === dirname(folder)) throw new Error(`${name} is not installed, seen from ${from}`)
  }
}
