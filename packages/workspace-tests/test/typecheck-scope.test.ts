/** `tsc -b` checks what the root tsconfig lists. A package that is not listed would silently go unchecked. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PACKAGES, packageFolders, ROOT } from '../src/workspace.ts'

test('the root tsconfig.json refers to every package that has a tsconfig.json', () => {
  const { references } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as {
    references: { path: string }[]
  }
  const typed = packageFolders().filter((folder) =>
    existsSync(join(PACKAGES, folder, 'tsconfig.json')),
  )
  expect(
    references.map(({ path }) => path).sort(),
    'add the missing { "path": "packages/..." } to the references in tsconfig.json',
  ).toEqual(typed.map((folder) => `packages/${folder}`))
})
