/** `vmalloc shell`: a heap to try out by hand or by script. */
import type { Command } from 'commander'
import { createHeap, type Preset } from '../core-heap.ts'
import { EXIT } from '../exit.ts'
import { ShellSession } from '../shell/session.ts'
import { runShell } from '../shell/shell.ts'
import { colorsFor } from '../terminal/colors.ts'
import { presetOption } from './options.ts'

interface ShellCommandOptions {
  readonly preset: Preset
  readonly strict?: boolean
}

const MAXIMUM_BYTES = 512 * 2 ** 20

export function addShell(program: Command): void {
  program
    .command('shell')
    .description('allocate, free, corrupt and look, line by line')
    .addOption(presetOption())
    .option('--strict', 'stop at the first command that fails')
    .action(shell)
}

async function shell({ preset, strict = false }: ShellCommandOptions): Promise<void> {
  // Who types a command is no function: every stack would show the shell itself.
  const heap = createHeap({ shared: false, preset, maximum: MAXIMUM_BYTES, traces: false })
  const session = new ShellSession(heap, preset)
  const { stdin, stdout } = process
  const interactive = stdin.isTTY === true && stdout.isTTY === true
  const { failed, mistyped } = await runShell(session, {
    input: stdin,
    output: stdout,
    interactive,
    colors: colorsFor(stdout),
    strict,
  })
  // At a terminal a slip is seen and put right; in a script it is a mistake of the script.
  if (mistyped && !interactive) process.exitCode = EXIT.usage
  else if (strict && failed) process.exitCode = EXIT.failed
}
