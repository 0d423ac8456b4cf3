/** The code that docs/toolchains.md shows is the code that is tested. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The code block whose info string ends in `label`. */
export function codeBlock(label: string): string {
  const text = readFileSync(join(import.meta.dirname, '../../docs/toolchains.md'), 'utf8')
  const code = new RegExp(`^\`\`\`\\w+ ${label}\\n(.*?)^\`\`\`$`, 'ms').exec(text)?.[1]
  if (code === undefined) throw new Error(`docs/toolchains.md has no code block ${label}`)
  return code
}
