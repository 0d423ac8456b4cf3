import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, inflateSync } from 'node:zlib'
import { Heap } from '@vmalloc/core'
import { encodeMaps } from '@vmalloc/preload'
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

test('maps of programs under preload: a panel for each', () => {
  const seen = { bytes: 1000, hash: '0123abcd', map: heap.map() }
  const maps = encodeMaps([
    { ...seen, name: 'one.wasm', mode: 'replace' },
    { ...seen, name: 'two.wasm', mode: 'observe' },
  ])
  const [file, output] = [join(folder, 'app.maps'), join(folder, 'app.svg')]
  writeFileSync(file, maps)
  expect(vmalloc(['map', file, '-o', output])).toMatchObject({ code: 0, stderr: '' })
  const svg = readFileSync(output, 'utf8')
  expect(svg).toMatch(/one\.wasm.*400 blocks in use.*two\.wasm.*observed/s)
  writeFileSync(file, maps.slice(0, 1000))
  const { code, stderr } = vmalloc(['map', file, '-o', output])
  expect([code, stderr]).toEqual([
    2,
    'vmalloc: app.maps: this is no file of maps, or one that was cut\n',
  ])
})

test.each<[string, string[], RegExp]>([
  ['missing file', ['nowhere.snapshot'], /nowhere\.snapshot: /],
  ['cut snapshot', [cut], /cut\.snapshot: .*(length|cut|short|bytes)/],
  ['no such kind of picture', [snapshot, '-o', join(folder, 'x.gif')], /x\.gif: .* as \.svg or/],
])('wrong use: %s', (_, args, words) => {
  const output = join(folder, 'wrong.svg')
  const { code, stdout, stderr } = vmalloc(['map', '-o', output, ...args])
  expect([code, stdout, existsSync(output)]).toEqual([2, '', false])
  expect(stderr).toMatch(words)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})

test('.PNG is a picture too: a file that says its size, with more than one colour', () => {
  const output = join(folder, 'heap.PNG')
  expect(vmalloc(['map', snapshot, '-o', output])).toMatchObject({ code: 0, stderr: '' })
  const bytes = readFileSync(output)
  expect([...bytes.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10])
  const chunks = chunksOf(bytes)
  expect(chunks.map(({ name }) => name)).toEqual(['IHDR', 'PLTE', 'IDAT', 'IEND'])
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  const pixels = inflateSync(chunks[2].content)
  expect(pixels).toHaveLength((width + 1) * height)
  const colors = chunks[1].content.length / 3
  expect(Math.max(...new Set(pixels))).toBeLessThan(colors)
  expect(new Set(pixels).size).toBeGreaterThan(8)
})

function chunksOf(bytes: Buffer): { name: string; content: Buffer }[] {
  const chunks: { name: string; content: Buffer }[] = []
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    const content = bytes.subarray(at + 8, at + 8 + length)
    expect(bytes.readUInt32BE(at + 8 + length)).toBe(crc32(bytes.subarray(at + 4, at + 8 + length)))
    chunks.push({ name: bytes.toString('latin1', at + 4, at + 8), content })
    at += 12 + length
  }
  return chunks
}

test('a snapshot of a damaged heap: one line that says where, exit code 1', () => {
  const file = join(folder, 'damaged.snapshot')
  const damaged = Heap.create()
  const blocks = Array.from({ length: 200 }, (_, i) => damaged.malloc(i * 7))
  damaged.memory.u32.fill(0x41414141, blocks[100] / 4 - 2, blocks[100] / 4 + 200)
  writeFileSync(file, damaged.snapshot())
  const { code, stdout, stderr } = vmalloc(['map', file, '-o', join(folder, 'damaged.svg')])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/damaged\.snapshot: damaged: /)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})
