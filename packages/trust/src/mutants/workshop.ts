/** A copy of the workspace in which sources may be broken: nobody else works in it. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** Left behind: what is not source. */
const LEFT_OUT = new Set(['.git', 'dist', '.cache', '.turbo', 'out', 'coverage'])
/** What became of a run of tests. */
export type Result = 'passed' | 'failed' | 'timed out'

/** A mutant that makes a test run longer has been noticed, unless the machine is slow: it is told apart. */
const MOST_MS = 300_000

export class Workshop {
  readonly root: string

  constructor(workspace: string) {
    this.root = mkdtempSync(join(tmpdir(), 'vmalloc-mutants-'))
    for (const name of readdirSync(workspace)) {
      if (LEFT_OUT.has(name)) continue
      const from = join(workspace, name)
      if (name === 'node_modules') symlinkSync(from, join(this.root, name))
      else if (name === 'packages' || statSync(from).isFile()) {
        cpSync(from, join(this.root, name), {
          recursive: true,
          verbatimSymlinks: true,
          filter: (path) => !LEFT_OUT.has(basename(path)),
        })
      }
    }
  }

  path(file: string): string {
    return join(this.root, 'packages', file)
  }

  run([name, ...files]: readonly [string, ...string[]]): Result {
    const vitest = join(this.root, 'node_modules/vitest/vitest.mjs')
    const { status, error } = spawnSync(
      process.execPath,
      [vitest, 'run', '--bail=1', '--reporter=dot', ...files],
      {
        cwd: join(this.root, 'packages', name),
        timeout: MOST_MS,
        stdio: 'ignore',
      },
    )
    if (status === 0) return 'passed'
    return (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT'
      ? 'timed out'
      : 'failed'
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
