import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { describe, expect, test, vi } from 'vitest'
import { createHeap, type Preset } from '../../src/core-heap.ts'
import { parseNumber } from '../../src/shell/numbers.ts'
import { ShellSession } from '../../src/shell/session.ts'
import { runShell, type ShellOutcome } from '../../src/shell/shell.ts'
import { colorsFor } from '../../src/terminal/colors.ts'
import { vmalloc } from '../spawn.ts'

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

/** One session without a process around it; the lines printed, joined. */
async function session(
  lines: readonly string[],
  preset: Preset = 'default',
  isTTY = false,
): Promise<[string, ShellOutcome]> {
  const input = new PassThrough()
  const output = new PassThrough()
  let text = ''
  output.on('data', (chunk) => {
    text += String(chunk)
  })
  const heap = createHeap({ shared: false, preset, maximum: 2 ** 24 })
  input.end(lines.join('\n'))
  const colors = colorsFor({ isTTY })
  const options = { input, output, interactive: false, colors, strict: false }
  const outcome = await runShell(new ShellSession(heap, preset), options)
  await finished(output.end())
  return [text, outcome]
}

describe('through a pipe', () => {
  test('no prompt, no colour; an overflow is caught in words, and the heap goes on', () => {
    const script = ['alloc 100', 'poke 1 112 0xff', 'check', 'free 1', 'alloc 50', 'used', 'exit']
    const { code, stdout, stderr } = vmalloc(['shell'], `${script.join('\n')}\nalloc 1\n`)
    expect(code).toBe(0)
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^block 1: 100 bytes at 0x[0-9a-f]{8}, 112 usable$/)
    expect(lines[1]).toMatch(/^byte 112 of block 1, behind its payload: 0x.. is now 0xff$/)
    const finding = 'OVERFLOW overflow: byte 0 past the end of the medium block of 112 bytes at 0x'
    for (const [at, command] of [
      [2, 'check'],
      [5, 'free'],
    ] as const) {
      expect(lines[at].startsWith(`${command}: ${finding}`)).toBe(true)
      expect(lines[at + 1]).toBe('  0 bytes after the 112-byte medium block')
      expect(lines[at + 2]).toMatch(/^ {2}was 0x[0-9a-f]{8}, is 0x[0-9a-f]{6}ff$/)
    }
    expect(lines[8]).toMatch(/^block 2: 50 bytes/)
    expect(stdout).toMatch(/1 +0x\w+ +100 +\? +medium +damaged/)
    // Nothing after exit, no escape sequence.
    expect(stdout).not.toContain('block 3')
    expect(stdout).not.toContain('\u001b')
  })

  test('--strict stops at the first failure with exit code 1', () => {
    const { code, stdout } = vmalloc(['shell', '--strict'], 'alloc 10\nfree 2\nalloc 20\n')
    expect(code).toBe(1)
    expect(stdout).toMatch(/^block 1: .*\nfree: there is no block 2; "used" lists them\n$/)
  })

  test('a line that is no command is said and passed over; the exit code is that of wrong use', () => {
    const { code, stdout, stderr } = vmalloc(['shell'], 'alloc 10\nfoo\nalloc 20\n')
    expect(stdout).toMatch(
      /^block 1: .*\nunknown command "foo"; "help" lists the commands\nblock 2: .*\n$/,
    )
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
  })
})

describe('commands', () => {
  test('a block from alloc to free, and its double free', async () => {
    const [text, outcome] = await session([
      'alloc 0x40 # a comment',
      'realloc 1 200000',
      'used',
      'free 1',
      'free 1',
      'check',
    ])
    expect(text).toMatch(/block 1: 64 bytes at 0x\w+, 64 usable\n/)
    expect(text).toMatch(/block 1: 200,000 bytes at .*, moved from 0x/)
    expect(text).toMatch(/1 +0x\w+ +200,000 +200,\d+ +large/)
    expect(text).toMatch(/block 1 freed\nfree: [A-Z_]+ .*\n(?: .*\n)*all invariants hold\n$/)
    expect(outcome).toEqual({ failed: true, mistyped: false })
  })

  test('a freed number whose place is taken does no harm', async () => {
    const [text] = await session(['alloc 20', 'free 1', 'alloc 20', 'free 1', 'free 2'])
    expect(text).toMatch(/free: block 1 was freed already; block 2 lives there now\nblock 2 freed/)
  })

  test('underflow and double free of a small block', async () => {
    const [text] = await session([
      'alloc 20',
      'poke 1 -1 7',
      'free 1',
      'alloc 20',
      'free 2',
      'free 2',
    ])
    expect(text).toMatch(/free: UNDERFLOW underflow: byte -1 before the start/)
    expect(text).toMatch(/free: DOUBLE_FREE double free: /)
  })

  test('what is typed wrongly is said in words', async () => {
    const [text, outcome] = await session([
      'alloc',
      'alloc ten',
      'alloc -1',
      'free 9',
      'poke 1 0 0',
      'alloc 5',
      'poke 1 0 256',
      'alloc 4000000000',
      '',
      '   ',
    ])
    expect(text.trimEnd().split('\n')).toEqual([
      'alloc: usage: alloc N',
      'alloc: N is "ten": a number is needed, 64 or 0x40 for example',
      'alloc: N is -1: 0 to 4294967295 is possible',
      'free: there is no block 9; there are none',
      'poke: there is no block 1; there are none',
      expect.stringMatching(/^block 1: 5 bytes/),
      'poke: BYTE is 256: 0 to 255 is possible',
      'alloc: no room for 4000000000 bytes',
    ])
    expect(outcome).toEqual({ failed: true, mistyped: true })
  })

  test('show, orders, stats and help answer', async () => {
    const [text, outcome] = await session([
      'alloc 1000',
      'calloc 10 4',
      'show',
      'orders',
      'stats',
      'help',
    ])
    expect(text).toMatch(/\n00000000 {2}#/)
    expect(text).toMatch(/m medium payload 1000 B/)
    expect(text).toMatch(/order +block +free blocks +free bytes\n +0 +32 B/)
    expect(text).toMatch(/\nlive +[\d,]+ +2 blocks\n/)
    expect(text).toMatch(/poke ID OFFSET BYTE/)
    expect(outcome).toEqual({ failed: false, mistyped: false })
  })
})

test.each([
  ['default', 'fit'],
  ['classic', 'buddy'],
  ['debug', 'fit'],
  ['sampled', 'fit'],
] as const)('in the preset %s the strategy of medium blocks is called %s', async (preset, name) => {
  const [text] = await session(['orders', 'alloc 1000', 'stats'], preset)
  expect(text).toMatch(new RegExp(`^the ${name} has no free block\\n`))
  expect(text).toMatch(new RegExp(`\\n${name} +[\\d,]+ +1 region\\n`))
})

describe('what the heap found is its report', () => {
  test('under --preset debug with the number of each step, without stacks of the shell', () => {
    const script = ['alloc 100', 'poke 1 100 1', 'free 1', 'alloc 8', 'free 2', 'free 2']
    const { code, stdout } = vmalloc(['shell', '--preset', 'debug'], script.join('\n'))
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /free: OVERFLOW overflow: byte 0 past the end of the medium block of 100/,
    )
    expect(stdout).toMatch(/\n {2}was 0x[0-9a-f]{2}, is 0x01\nallocated: #1\n.*\ndetected: #2\n/)
    expect(stdout).toMatch(/\nallocated: #2\n.*\nfreed: #1\n.*\nfreed again: #4\n/)
    expect(stdout).not.toMatch(/ at .*:\d+:\d+/)
  })

  test('under --preset sampled too', () => {
    const { code, stdout } = vmalloc(['shell', '--preset', 'sampled'], 'alloc 3\nfree 1\nfree 1')
    expect(code).toBe(0)
    expect(stdout).toMatch(/free: DOUBLE_FREE double free: the small block of 16 bytes at/)
  })

  test('in colour on a terminal only', async () => {
    vi.stubEnv('NO_COLOR', undefined)
    vi.stubEnv('FORCE_COLOR', undefined)
    vi.stubEnv('TERM', 'xterm')
    try {
      const script = ['alloc 20', 'free 1', 'free 1']
      const [plain] = await session(script)
      expect(plain).not.toContain('\u001b')
      const [coloured] = await session(script, 'default', true)
      expect(coloured).toContain('\u001b[31m\u001b[1mDOUBLE_FREE\u001b[0m')
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

test('numbers', () => {
  expect(parseNumber('0x10', 'N', 0, 99)).toBe(16)
  expect(parseNumber('-8', 'N', -8, 99)).toBe(-8)
  expect(parseNumber('-0x8', 'N', -8, 99)).toBe(-8)
  for (const text of ['', '1.5', '1e3', '0x', 'x10', '1 ']) {
    expect(() => parseNumber(text, 'N', 0, 99)).toThrow(/a number is needed/)
  }
})
