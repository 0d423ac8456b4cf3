/**
 * Before a package is packed: deletes from its `dist` what a source compiled to that is no longer there. The compiler
 * never deletes its output, so without this a file that was renamed would be published under both names.
 *
 * Runs in the package's folder, as its `prepack` script.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const OUTPUT = /\.(?:js|d\.ts)(?:\.map)?$/

for (const path of readdirSync('dist', { recursive: true })) {
  if (!OUTPUT.test(path) || existsSync(join('src', path.replace(OUTPUT, '.ts')))) continue
  rmSync(join('dist', path))
  console.log(`dropped dist/${path}: its source is gone`)
}
