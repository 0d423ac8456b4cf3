/** A snapshot seen from the command line. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Heap } from '@vmalloc/core'
import { describe, expect, test, vi } from 'vitest'
import { runProgram } from '../../src/program.ts'
import { vmalloc } from '../spawn.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmalloc-inspect-'))
vi.setConfig({ testTimeout: 60_000 })

function populated(options = {}): Heap {
  const heap = Heap.create(options)
  for (const size of [10, 50, 100, 5000, 200_000]) heap.malloc(size)
  heap.free(heap.malloc(3000))
  return heap
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

/** Output and exit code of the command, in this process. */
async function inspect(path: string): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const log = vi.spyOn(console, 'log').mockImplementation((line: unknown) => {
    out += `${String(line)}\n`
  })
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text)
    return true
  })
  try {
    const code = await runProgram(['inspect', path])
    return { code, out, err }
  } finally {
    process.exitCode = undefined
    log.mockRestore()
    write.mockRestore()
  }
}

test.each([
  ['default', {}],
  ['classic', { preset: 'classic' }],
  ['shared', { shared: true, maximum: 2 ** 24 }],
  ['foreign', { memory: new WebAssembly.Memory({ initial: 2, maximum: 200 }) }],
] as const)('a %s heap: statistics, map and a clean check', async (name, options) => {
  const heap = populated(options)
  const { code, out, err } = await inspect(file(`${name}.vmsn`, heap.snapshot()))
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const { live, blocks } = heap.stats()
  expect(out).toContain(live.toLocaleString('en-US'))
  expect(out).toMatch(new RegExp(`${blocks} blocks: \\d+ small, \\d+ medium, 1 large`))
  expect(out).toMatch(/^00000000 {2}|^[0-9a-f]{8} {2}\S/m)
  expect(out).toContain('large payload')
  expect(out).toContain('check: all invariants hold')
})

test('from outside, gzip’d', () => {
  const path = file('heap.vmsn.gz', gzipSync(populated().snapshot()))
  const { code, stdout, stderr } = vmalloc(['inspect', path])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('check: all invariants hold')
})

test('a heap that was damaged before the snapshot is shown, and the damage named', async () => {
  const heap = populated({ threadCache: false })
  const address = heap.malloc(100)
  heap.memory.u8[address + heap.usableSize(address)] ^= 1
  const { code, out } = await inspect(file('damaged.vmsn', heap.snapshot()))
  expect(code).toBe(1)
  expect(out).toMatch(/check: .*overflow/i)
})

describe('refused in one line, with exit code 2', () => {
  const good = populated().snapshot()
  const newer = good.slice()
  newer[4] = 9
  test.each<[string, () => string, RegExp]>([
    ['missing', () => join(folder, 'none'), /no such file/],
    ['a folder', () => folder, /a directory/],
    [
      'noise',
      () => file('noise', new TextEncoder().encode('no snapshot')),
      /do not begin with "VMSN"/,
    ],
    ['cut', () => file('cut', good.subarray(0, 500)), /announces/],
    ['newer', () => file('newer', newer), /version 9/],
    ['cut gzip', () => file('cut.gz', gzipSync(good).subarray(0, 100)), /gzip/],
  ])('%s', async (_name, path, words) => {
    const { code, out, err } = await inspect(path())
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect(err).toMatch(words)
  })
})
