/**
 * The versions of the memory layout, as docs/layout.md has them, against fresh heaps.
 *
 * Red without a change of the page: the layout changed. Raise the version of the layer, change the table, and say in the
 * changeset that snapshots and other versions in Workers are refused.
 */
import { readFileSync } from 'node:fs'
import { Heap, MemoryError } from '@vmalloc/core'
import { expect, test } from 'vitest'
import { MIB, thrownBy } from './support/tools.ts'

/** Words of the superblock, and its directory, in bytes. */
const ENTRIES = 36
const DIRECTORY = 128
const ENTRY_BYTES = 24
const NAME_BYTES = 16

interface Block {
  readonly name: string
  readonly address: number
  /** As text: four letters, a version, a length. */
  readonly row: string
}

function controlBlocks(heap: Heap): Block[] {
  const { u8, u32 } = heap.memory
  const text = (at: number, length: number): string =>
    String.fromCharCode(...u8.subarray(at, at + length)).replaceAll('\0', '')
  const row = (name: string, address: number, bytes: number): Block => {
    const version = String(u32[address / 4 + 1])
    return { name, address, row: [name, text(address, 4), version, bytes].join(' ') }
  }
  const entries = Array.from({ length: u32[ENTRIES / 4] }, (_, index) => {
    const at = DIRECTORY + index * ENTRY_BYTES
    const name = text(at, NAME_BYTES)
    return row(name, u32[(at + NAME_BYTES) / 4], u32[(at + NAME_BYTES) / 4 + 1])
  })
  return [row('superblock', 0, 512), ...entries]
}

const page = readFileSync(new URL('../../../docs/layout.md', import.meta.url), 'utf8')
const table = [...page.matchAll(/^\| [^|]+ \| `([\w-]+)` \| (\w{4}) \| (\d+) \| (\d+) \|$/gm)].map(
  ([, ...cells]) => cells.join(' '),
)

// The pools are alike; the address space has no version of its own, the superblock's is for both.
const shown = ({ name }: Block): boolean => !/^small-(?!16)/.test(name) && name !== 'address-space'

test('the table of docs/layout.md is what fresh heaps have', () => {
  const presets = ['default', 'classic', 'debug', 'sampled'] as const
  const rows = presets.flatMap((preset) =>
    controlBlocks(Heap.create({ preset, memory: new ArrayBuffer(4 * MIB) }))
      .filter(shown)
      .map(({ row }) => row),
  )
  expect(table.sort()).toEqual([...new Set(rows)].sort())
})

const names = ['superblock', 'heap', 'settings', 'small-16', 'medium', 'large', 'thread-cache']

test.each(names)('another version of %s is refused, and nothing is written', (name) => {
  const memory = new SharedArrayBuffer(4 * MIB)
  const heap = Heap.create({ memory })
  const { address } = controlBlocks(heap).find((block) => block.name === name) as Block
  heap.memory.u32[address / 4 + 1]++
  const before = new Uint8Array(memory).slice()
  expect(thrownBy(() => Heap.attach(heap.handle))).toBeInstanceOf(MemoryError)
  const changed = before.findIndex((byte, at) => byte !== heap.memory.u8[at])
  expect(changed).toBe(-1)
})
