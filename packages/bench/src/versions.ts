/** Where the figures come from: without it they mean little. */
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { CONTENDERS } from './contenders/index.ts'
import { PACKAGE } from './paths.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly platform: string
  /** Mean number of running processes in the minute before the run: above 0 others disturbed it. */
  readonly loadBefore: number
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${release()} ${process.arch}`,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  }
}

/** Installed version of a package that this one depends on. */
export function packageVersion(name: string): string {
  const file = join(PACKAGE, 'node_modules', name, 'package.json')
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
  return version
}

/** Node, V8, ours, and every package a contender comes from. */
export function versions(): Record<string, string> {
  const result: Record<string, string> = {
    node: process.versions.node,
    v8: process.versions.v8,
    '@vmalloc/core': packageVersion('@vmalloc/core'),
  }
  for (const { package: name } of CONTENDERS) {
    if (name !== undefined) result[name] = packageVersion(name)
  }
  return result
}
