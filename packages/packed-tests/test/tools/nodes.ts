/** The Node versions that the packages are tried on: the oldest they promise, the one the project works with, one between. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, readManifest } from './pack.ts'

const RUN_TIMEOUT_MS = 50_000

export interface Node {
  readonly version: string
  readonly binary: string
}

const nodeIn = (folder: string): Node => {
  const installed = join(ROOT, folder, 'node_modules/node')
  const binary = join(installed, 'bin/node')
  if (!existsSync(binary)) throw new Error(`no Node at ${binary}`)
  return { version: readManifest(installed).version, binary }
}

export const NODES: readonly Node[] = [
  nodeIn('packages/compat-node20'),
  nodeIn('packages/compat-node24'),
  nodeIn('.'),
]

/**
 * Runs a program in a process of its own, without the options of this one: they would resolve to TypeScript sources.
 *
 * @returns What it printed.
 * @throws If it exits with anything but 0; the message has what it wrote to stderr.
 */
export function runNode(node: Node, cwd: string, ...parameters: string[]): string {
  const { NODE_OPTIONS: _, ...env } = process.env
  return execFileSync(node.binary, parameters, {
    cwd,
    env,
    stdio: 'pipe',
    encoding: 'utf8',
    timeout: RUN_TIMEOUT_MS,
  })
}
