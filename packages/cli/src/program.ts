/** The command line as a whole: commands, and one way to fail. */

import { TraceError } from '@vmalloc/trace'
import { Command, CommanderError } from 'commander'
import { addDemo } from './commands/demo.ts'
import { addInspect } from './commands/inspect.ts'
import { addMap } from './commands/map.ts'
import { addPreload } from './commands/preload.ts'
import { addReplay } from './commands/replay.ts'
import { addServe } from './commands/serve.ts'
import { addShell } from './commands/shell.ts'
import { DamageError, EXIT, UsageError } from './exit.ts'
import { cliVersion } from './report.ts'

/** @returns The whole command line, ready to parse. */
function createProgram(): Command {
  const program = new Command('vmalloc')
    .description(
      'A C-style allocator for JavaScript memory: replay real programs on it, look inside it.',
    )
    .version(cliVersion(), '-V, --version')
    .showSuggestionAfterError(true)
    .exitOverride()
    // Commander's own messages come as errors too; they are printed once, in main.
    .configureOutput({ outputError: () => {} })
  for (const add of [addReplay, addMap, addServe, addShell, addInspect, addPreload, addDemo])
    add(program)
  for (const command of program.commands) command.copyInheritedSettings(program)
  return program
}

/** @returns The exit code, 0 when the command set its own in `process.exitCode`. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const program = createProgram()
  if (args.length === 0) {
    process.stderr.write('vmalloc: a command is missing; "vmalloc help" lists them\n')
    return EXIT.usage
  }
  try {
    requireKnownTopic(program, args)
    await program.parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? EXIT.fine)
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.fine
    if (
      error instanceof CommanderError ||
      error instanceof UsageError ||
      error instanceof DamageError ||
      error instanceof TraceError
    ) {
      process.stderr.write(`vmalloc: ${oneLine(error.message)}\n`)
      return error instanceof DamageError ? EXIT.failed : EXIT.usage
    }
    throw error
  }
}

/** Commander answers `help` of an unknown command with the whole help, as an error without words. */
function requireKnownTopic(program: Command, [command, topic]: readonly string[]): void {
  if (command !== 'help' || topic === undefined) return
  const names = [...program.commands.map((known) => known.name()), 'help']
  if (!names.includes(topic)) {
    throw new UsageError(`unknown command '${topic}'; "vmalloc help" lists the commands`)
  }
}

function oneLine(message: string): string {
  return message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
}
