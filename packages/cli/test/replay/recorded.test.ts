/** What `heap.record()` writes, the replay reads: a program records itself, and its trace runs on every preset. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Heap } from '@vmalloc/core'
import { expect, test, vi } from 'vitest'
import { readTraceFile } from '../../src/trace/file.ts'
import { vmalloc } from '../spawn.ts'

vi.setConfig({ testTimeout: 60_000 })

function recordedProgram(): Uint8Array {
  const heap = Heap.create()
  const before = heap.malloc(500)
  const recorder = heap.record()
  heap.free(before)
  const blocks = Array.from({ length: 500 }, (_, i) => heap.malloc((i * 37) % 3000))
  blocks.forEach((address, i) => {
    if (i % 3 === 0) heap.free(address)
    else blocks[i] = heap.realloc(address, 10 + i)
  })
  heap.alignedAlloc(1000, 4096)
  heap.calloc(10, 100)
  heap.scope((scope) => scope.allocArray(Float64Array, 100))
  return recorder.finish()
}

test('a recording is replayed without a mistake', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'vmalloc-recorded-')), 'mine.mtr')
  writeFileSync(path, recordedProgram())
  expect(readTraceFile(path)).toMatchObject({ name: 'mine', prologue: 1, cut: true, threads: 1 })
  for (const preset of ['default', 'classic', 'debug', 'sampled']) {
    const { code, stdout, stderr } = vmalloc(['replay', '--preset', preset, '--rounds', '0', path])
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) })
    expect(stdout).toContain('mine')
  }
})
