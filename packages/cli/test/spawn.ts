/** Runs the command as a user does: in a process of its own, through pipes. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const TIMEOUT_MS = 60_000

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function vmalloc(args: readonly string[], input = ''): Outcome {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@vmalloc/source', MAIN, ...args],
    { input, env, encoding: 'utf8', timeout: TIMEOUT_MS },
  )
  return { code: status, stdout, stderr }
}

export function traceFile(name: string): string {
  return fileURLToPath(new URL(`../traces/${name}.mtr.gz`, import.meta.url))
}
