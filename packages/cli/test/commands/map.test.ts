import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Heap } from '@vmalloc/core'
import { expect, test, vi } from 'vitest'
import { traceFile, vmalloc } from '../spawn.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmalloc-map-'))
const snapshot = join(folder, 'heap.snapshot')
const cut = join(folder, 'cut.snapshot')
vi.setConfig({ testTimeout: 60_000 })

const heap = Heap.create()
for (let i = 1; i <= 400; i++) heap.malloc(i * 7)
writeFileSync(snapshot, heap.snapshot())
writeFileSync(cut, heap.snapshot().subarray(0, 3000))

test('a snapshot becomes a picture that says what is in it', () => {
  const output = join(folder, 'heap.svg')
  const outcome = vmalloc(['map', snapshot, '-o', output])
  expect(outcome).toEqual({ code: 0, stdout: `map: ${output}\n`, stderr: '' })
  const svg = readFileSync(output, 'utf8')
  expect(svg).toMatch(/^<svg .*\n<title id="t">Heap of heap\.snapshot</)
  expect(svg).toContain('400 blocks in use')
  expect(svg).toMatch(/<path class="small" d="M/)
  expect(svg).toMatch(/<path class="medium" d="M/)
})

test('a trace becomes a picture of its peak', () => {
  const output = join(folder, 'trace.svg')
  expect(vmalloc(['map', traceFile('convert'), '-o', output])).toMatchObject({ code: 0 })
  expect(readFileSync(output, 'utf8')).toContain('convert on vmalloc')
})

test.each<[string, string[], RegExp]>([
  ['missing file', ['nowhere.snapshot'], /nowhere\.snapshot: cannot be read/],
  ['cut snapshot', [cut], /cut\.snapshot: .*(length|cut|short|bytes)/],
  ['no such kind of picture', [snapshot, '-o', join(folder, 'x.png')], /x\.png: only \.svg/],
])('wrong use: %s', (_, args, words) => {
  const output = join(folder, 'wrong.svg')
  const { code, stdout, stderr } = vmalloc(['map', '-o', output, ...args])
  expect([code, stdout, existsSync(output)]).toEqual([2, '', false])
  expect(stderr).toMatch(words)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})
