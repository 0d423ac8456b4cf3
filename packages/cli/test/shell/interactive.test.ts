/** The shell at a terminal: prompt, line editing, history, completion, Ctrl-C. The terminal is a pair of streams that says it is one. */
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { createHeap } from '../../src/core-heap.ts'
import { ShellSession } from '../../src/shell/session.ts'
import { runShell } from '../../src/shell/shell.ts'
import { colorsFor } from '../../src/terminal/colors.ts'

const TAB = '\t'
const UP = '\u001b[A'
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'

/**
 * Types keys one by one, as a person does: readline takes a tab within a pasted piece for a character.
 *
 * @returns The answers: what was written, without what repeats the line being edited.
 */
async function type(...keys: readonly string[]): Promise<{ text: string; session: ShellSession }> {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 40 })
  let text = ''
  output.on('data', (chunk) => {
    text += String(chunk)
  })
  const preset = 'default'
  const heap = createHeap({ shared: false, preset, maximum: 2 ** 24 })
  const session = new ShellSession(heap, preset)
  const colors = colorsFor({ isTTY: false })
  const done = runShell(session, { input, output, interactive: true, colors, strict: false })
  for (const key of keys.flatMap((word) => (word.startsWith('\u001b') ? [word] : word.split('')))) {
    input.write(key)
    // Completion is answered in a later turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
  return { text, session }
}

test('greets, prompts, and leaves at exit', async () => {
  const { text } = await type('alloc 10\r', 'exit\r')
  expect(text).toMatch(/^A heap to try out; "help" lists the commands\.\n/)
  expect(text).toContain('vmalloc> ')
  expect(text).toMatch(/block 1: 10 bytes at 0x/)
})

test('Ctrl-D leaves too, and the next prompt of the system begins on a line of its own', async () => {
  const { text } = await type('alloc 10\r', CTRL_D)
  expect(text.endsWith('\n')).toBe(true)
})

test('tab completes a command and the number of a live block', async () => {
  const { text, session } = await type('al', TAB, '10\r', 'fr', TAB, TAB, '\r', CTRL_D)
  expect(text).toMatch(/block 1 freed/)
  expect(session.blocks()).toEqual([])
})

test('tab where there is nothing to complete changes nothing', async () => {
  const { text } = await type('free ', TAB, '7\r', 'alloc ', TAB, '7\r', CTRL_D)
  expect(text).toMatch(/free: there is no block 7; there are none/)
  expect(text).toMatch(/block 1: 7 bytes/)
  expect(text).not.toContain(TAB)
})

test('a tab in a pasted line is a blank', async () => {
  const { session } = await type('alloc 10\r', '\u001b[200~free\t1\u001b[201~', '\r', CTRL_D)
  expect(session.blocks()).toEqual([])
})

test('the line before comes back with the key up', async () => {
  const { session } = await type('alloc 10\r', UP, '\r', CTRL_D)
  expect(session.blocks().map(({ size }) => size)).toEqual([10, 10])
})

test('Ctrl-C gives up the line, not the heap', async () => {
  const { text, session } = await type('alloc 10\r', 'alloc 99', CTRL_C, 'alloc 20\r', CTRL_D)
  expect(text).toContain('^C\n')
  expect(session.blocks().map(({ size }) => size)).toEqual([10, 20])
})
