/** Lines in, lines out: the shell's loop, at a terminal or fed through a pipe. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { formatReport, HeapCorruptionError } from '@vmalloc/core'
import { describe } from '../replay/errors.ts'
import type { Colors } from '../terminal/colors.ts'
import { runCommand, SHELL_COMMANDS, type ShellCommand } from './commands.ts'
import { MistypedError, ShellError, type ShellSession } from './session.ts'

export interface ShellOptions {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  /** Prompt, line editing, history, completion. */
  readonly interactive: boolean
  readonly colors: Colors
  /** Stop at the first command that fails. */
  readonly strict: boolean
}

const ENDS = ['exit', 'quit']
const PROMPT = 'vmalloc> '

/** How a session went. */
export interface ShellOutcome {
  /** A command could not be carried out, or the heap found damage. */
  readonly failed: boolean
  /** A line was no command, or one with wrong arguments. */
  readonly mistyped: boolean
}

/** Reads lines until `exit` or the end of the input, and performs them. */
export async function runShell(
  session: ShellSession,
  options: ShellOptions,
): Promise<ShellOutcome> {
  const { input, output, interactive, colors, strict } = options
  const print = (lines: readonly string[]): void => {
    for (const line of lines) output.write(`${line}\n`)
  }
  const lines = createInterface({
    input,
    output: interactive ? output : undefined,
    terminal: interactive,
    prompt: colors.bold(PROMPT),
    historySize: 500,
    removeHistoryDuplicates: true,
    completer: (line: string) => complete(line, session),
  })
  if (interactive) {
    // Ctrl-C gives up the line, not the heap; Ctrl-D or exit leaves.
    lines.on('SIGINT', () => {
      output.write('^C\n')
      lines.write(null, { ctrl: true, name: 'u' })
      lines.prompt()
    })
    print(['A heap to try out; "help" lists the commands.'])
    lines.prompt()
  }
  const outcome = { failed: false, mistyped: false }
  let ended = false
  lines.on('line', (line) => {
    // What came in the same chunk as `exit` is not performed any more.
    if (ended) return
    const [name = '', ...args] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (ENDS.includes(name)) ended = true
    else if (name !== '') {
      const failure = perform(name, args, session, colors, print)
      if (failure !== undefined) {
        print([failure.text])
        if (failure.mistyped) outcome.mistyped = true
        else outcome.failed = true
        ended = strict
      }
    }
    if (ended) lines.close()
    else if (interactive) lines.prompt()
  })
  await once(lines, 'close')
  if (interactive && !ended) print([''])
  return outcome
}

/** @returns What went wrong, in words and colours, or nothing. */
function perform(
  name: string,
  args: readonly string[],
  session: ShellSession,
  colors: Colors,
  print: (lines: readonly string[]) => void,
): { readonly text: string; readonly mistyped: boolean } | undefined {
  try {
    if (name === 'help') {
      print(helpLines(colors))
      return undefined
    }
    const command = SHELL_COMMANDS.find((candidate) => candidate.name === name)
    if (command === undefined) {
      const text = colors.red(`unknown command "${name}"; "help" lists the commands`)
      return { text, mistyped: true }
    }
    print(runCommand(command, session, args, colors))
    return undefined
  } catch (error) {
    return { text: failureText(name, error, colors), mistyped: error instanceof MistypedError }
  }
}

/** What the heap found, as a report of several lines; anything else in one line. */
function failureText(name: string, error: unknown, colors: Colors): string {
  if (error instanceof HeapCorruptionError) {
    const report = formatReport(error, { color: colors.isColorSupported })
    return `${colors.red(`${name}:`)} ${report}`
  }
  const text = error instanceof ShellError ? error.message : describe(error)
  return colors.red(`${name}: ${text}`)
}

function helpLines(colors: Colors): string[] {
  const entries: Pick<ShellCommand, 'name' | 'args' | 'help'>[] = [
    ...SHELL_COMMANDS,
    { name: 'help', args: [], help: 'this list' },
    { name: 'exit', args: [], help: 'leave (or Ctrl-D)' },
  ]
  const usage = entries.map(({ name, args }) => [name, ...args].join(' '))
  const width = Math.max(...usage.map((text) => text.length)) + 2
  const lines = entries.map(({ help }, i) => `  ${colors.bold(usage[i].padEnd(width))}${help}`)
  return [...lines, '', 'Numbers are decimal or 0x...; a # begins a comment.']
}

function complete(line: string, session: ShellSession): [string[], string] {
  const words = line.trimStart().split(/\s+/)
  const last = words[words.length - 1]
  if (words.length === 1) {
    const names = [...SHELL_COMMANDS.map(({ name }) => name), 'help', 'exit']
    const hits = names.filter((name) => name.startsWith(last)).map((name) => `${name} `)
    return [hits, last]
  }
  const command = SHELL_COMMANDS.find(({ name }) => name === words[0])
  if (command?.args[words.length - 2] !== 'ID') return [[], last]
  const ids = session.blocks().map(({ id }) => String(id))
  return [ids.filter((id) => id.startsWith(last)), last]
}
