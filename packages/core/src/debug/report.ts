/** A finding as text for people: what, where, and who did it; in colour for a terminal. */
import { HeapCorruptionError, type StackTrace } from '@vmalloc/marking'

/** How to write a report. */
export interface ReportOptions {
  /**
   * Whether to use the colours of a terminal (ANSI escape sequences).
   * @defaultValue true where the standard error stream is a terminal, unless `NO_COLOR` is set
   */
  readonly color?: boolean
}

const ESCAPE = '\u001b['
const CODES = { bold: 1, red: 31, yellow: 33, cyan: 36, dim: 2 } as const

/**
 * Describes an error in several lines: the finding, and up to three traces, of the allocation, of the free, and of the
 * call that found it. Errors that are no {@link HeapCorruptionError} become their own text.
 *
 * @example
 * ```ts
 * import { formatReport, Heap, HeapCorruptionError } from '@vmalloc/core'
 *
 * const heap = Heap.create({ preset: 'debug' })
 * const address = heap.malloc(13)
 * heap.memory.u8[address + 13] = 0
 * let report = ''
 * try {
 *   heap.free(address)
 * } catch (error) {
 *   report = formatReport(error, { color: false })
 * }
 * report.split('\n')[0].startsWith('OVERFLOW') // => true
 * report.includes('0 bytes after the 13-byte small block') // => true
 * ```
 */
export function formatReport(error: unknown, { color = isTerminal() }: ReportOptions = {}): string {
  if (!(error instanceof HeapCorruptionError)) return String(error)
  const paint = (code: keyof typeof CODES, text: string): string =>
    color ? `${ESCAPE}${CODES[code]}m${text}${ESCAPE}0m` : text
  const lines = [
    `${paint('red', paint('bold', error.code))} ${paint('bold', error.message)}`,
    ...place(error).map((line) => `  ${line}`),
  ]
  const section = (title: string, trace: StackTrace | undefined): void => {
    if (trace === undefined) return
    lines.push(paint('cyan', `${title}: ${who(trace)}`))
    const stack = trace.stack?.split('\n') ?? [
      '(the stack is known to that thread only, or not kept)',
    ]
    for (const frame of stack) lines.push(paint('dim', `    ${frame}`))
  }
  const second = error.code === 'DOUBLE_FREE' ? 'freed again' : 'detected'
  section('allocated', error.allocation)
  section('freed', error.freed)
  section(second, error.detected)
  return lines.join('\n')
}

/** Where the damage lies, as seen from the block. */
function place(error: HeapCorruptionError): string[] {
  const { code, offset, size, kind, expected, found, width } = error
  const block = `the ${size === undefined ? '' : `${size}-byte `}${kind === undefined ? '' : `${kind} `}block`
  const lines: string[] = []
  if (offset !== undefined) {
    if (code === 'USE_AFTER_FREE') lines.push(`byte ${offset} of ${block}`)
    else if (offset < 0) lines.push(`${bytes(-offset)} before ${block}`)
    else if (code === 'INVALID_POINTER') lines.push(`${bytes(offset)} inside ${block}`)
    else lines.push(`${bytes(offset)} after ${block}`)
  }
  if (expected !== undefined && found !== undefined)
    lines.push(`was ${hexadecimal(expected, width)}, is ${hexadecimal(found, width)}`)
  return lines
}

function who({ thread, sequence }: StackTrace): string {
  return thread === 0 ? `#${sequence}` : `#${sequence} by thread ${thread}`
}

function bytes(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`
}

function hexadecimal(value: number, width: number): string {
  return `0x${value.toString(16).padStart(width * 2, '0')}`
}

/** Whether this program's errors go to a terminal. Browsers have none. */
function isTerminal(): boolean {
  const { process } = globalThis as {
    process?: { stderr?: { isTTY?: boolean }; env?: Record<string, string | undefined> }
  }
  return process?.stderr?.isTTY === true && !process.env?.['NO_COLOR']
}
