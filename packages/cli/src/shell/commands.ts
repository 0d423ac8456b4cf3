/** What can be typed in the shell. Each command returns lines or throws a {@link ShellError}. */
import type { Colors } from '../terminal/colors.ts'
import { countText, hex, plural } from '../terminal/text.ts'
import { parseNumber } from './numbers.ts'
import { MistypedError, type ShellBlock, ShellError, type ShellSession } from './session.ts'
import { ordersView, showView, statsView, usedView } from './views.ts'

export interface ShellCommand {
  readonly name: string
  /** Names of the arguments, as `help` shows them. */
  readonly args: readonly string[]
  readonly help: string
  run(session: ShellSession, args: readonly string[], colors: Colors): string[]
}

const MAX_SIZE = 2 ** 32 - 1

export const SHELL_COMMANDS: readonly ShellCommand[] = [
  {
    name: 'alloc',
    args: ['N'],
    help: 'allocate N bytes',
    run: (session, [size]) => {
      const bytes = parseNumber(size, 'N', 0, MAX_SIZE)
      return [describeBlock(session, session.add(session.heap.malloc(bytes), bytes))]
    },
  },
  {
    name: 'calloc',
    args: ['COUNT', 'SIZE'],
    help: 'allocate COUNT * SIZE zeroed bytes',
    run: (session, [count, size]) => {
      const n = parseNumber(count, 'COUNT', 0, MAX_SIZE)
      const each = parseNumber(size, 'SIZE', 0, MAX_SIZE)
      return [describeBlock(session, session.add(session.heap.calloc(n, each), n * each))]
    },
  },
  {
    name: 'realloc',
    args: ['ID', 'N'],
    help: 'change a block to N bytes',
    run: (session, [id, size]) => {
      const block = findBlock(session, id)
      const bytes = parseNumber(size, 'N', 1, MAX_SIZE)
      const old = block.address
      const address = session.heap.realloc(old, bytes)
      if (address === 0) throw new ShellError(`no room for ${bytes} bytes; the block is unchanged`)
      block.address = address
      block.size = bytes
      const moved = address === old ? 'in place' : `moved from ${hex(old)}`
      return [`${describeBlock(session, block)}, ${moved}`]
    },
  },
  {
    name: 'free',
    args: ['ID'],
    help: 'free a block',
    run: (session, [id]) => {
      const number = parseId(id)
      session.free(number)
      return [`block ${number} freed`]
    },
  },
  {
    name: 'used',
    args: [],
    help: 'list the live blocks',
    run: (session, _, colors) => usedView(session, colors),
  },
  {
    name: 'show',
    args: [],
    help: 'draw the address space',
    run: (session, _, colors) => showView(session, colors),
  },
  {
    name: 'orders',
    args: [],
    help: 'free medium blocks by size',
    run: (session, _, colors) => ordersView(session, colors),
  },
  {
    name: 'stats',
    args: [],
    help: 'figures of the heap, in bytes',
    run: (session, _, colors) => statsView(session, colors),
  },
  {
    name: 'poke',
    args: ['ID', 'OFFSET', 'BYTE'],
    help: 'overwrite one byte; OFFSET counts from the payload and may leave it, to damage a mark',
    run: (session, args) => poke(session, args),
  },
  {
    name: 'check',
    args: [],
    help: 'verify every structure and every mark',
    run: (session) => {
      session.heap.check()
      return ['all invariants hold']
    },
  },
]

/** @throws {@link MistypedError} for a wrong number of arguments, or what the command throws. */
export function runCommand(
  command: ShellCommand,
  session: ShellSession,
  args: readonly string[],
  colors: Colors,
): string[] {
  if (args.length !== command.args.length) {
    throw new MistypedError(`usage: ${[command.name, ...command.args].join(' ')}`)
  }
  return command.run(session, args, colors)
}

function findBlock(session: ShellSession, id: string): ShellBlock {
  return session.find(parseId(id))
}

function parseId(text: string): number {
  return parseNumber(text, 'ID', 1, Number.MAX_SAFE_INTEGER)
}

function describeBlock(session: ShellSession, { id, address, size }: ShellBlock): string {
  const usable = countText(session.heap.usableSize(address))
  return `block ${id}: ${plural(size, 'byte')} at ${hex(address)}, ${usable} usable`
}

function poke(session: ShellSession, [id, offset, byte]: readonly string[]): string[] {
  const block = findBlock(session, id)
  const { u8 } = session.heap.memory
  const at = parseNumber(offset, 'OFFSET', -block.address, u8.length - 1 - block.address)
  const value = parseNumber(byte, 'BYTE', 0, 255)
  const old = u8[block.address + at]
  const where = placeOf(session, block, at)
  u8[block.address + at] = value
  return [`byte ${at} of block ${block.id}, ${where}: ${byteText(old)} is now ${byteText(value)}`]
}

function placeOf(session: ShellSession, block: ShellBlock, offset: number): string {
  if (offset < 0) return 'before its payload'
  if (offset < block.size) return 'in its payload'
  const usable = session.usableSize(block)
  if (usable === undefined) return 'behind the bytes requested'
  return offset < usable ? 'in its slack' : 'behind its payload'
}

function byteText(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`
}
