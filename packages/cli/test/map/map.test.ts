import { describe, expect, test } from 'vitest'
import { createHeap } from '../../src/core-heap.ts'
import { collectPieces, type LiveBlock } from '../../src/map/collect.ts'
import { cellMap, PARTS, type Piece } from '../../src/map/parts.ts'
import { drawPicture } from '../../src/map/svg.ts'
import { terminalMap } from '../../src/map/terminal-map.ts'
import { colorsFor } from '../../src/terminal/colors.ts'

const plain = colorsFor({ isTTY: false })

function total(map: ReturnType<typeof cellMap>, part: Piece['part']): number {
  const p = PARTS.indexOf(part)
  let sum = 0
  for (let cell = 0; cell < map.cells; cell++) sum += map.bytes[cell * PARTS.length + p]
  return sum
}

/** Every cell a different mixture: the least that can be drawn in runs. */
function noise(count: number): Piece[] {
  let state = 1
  let address = 0
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    const size = 16 + (state >>> 20)
    const piece: Piece = { address, size, part: PARTS[(state >>> 8) % PARTS.length] }
    address += size
    return piece
  })
}

describe('cells', () => {
  test('bytes are neither lost nor doubled', () => {
    const pieces = noise(3000)
    const map = cellMap(pieces, 100)
    expect(map.cells).toBeLessThanOrEqual(100)
    for (const part of PARTS) {
      const bytes = pieces.filter((piece) => piece.part === part)
      expect(total(map, part)).toBe(bytes.reduce((sum, { size }) => sum + size, 0))
    }
  })

  test('the length is the smallest power of two that does', () => {
    expect(cellMap([{ address: 0, size: 1600, part: 'free' }], 100).cellBytes).toBe(16)
    expect(cellMap([{ address: 0, size: 1601, part: 'free' }], 100).cellBytes).toBe(32)
  })
})

describe('a heap in pieces', () => {
  test.each(['default', 'classic'] as const)('%s: no gap, no overlap, sizes add up', (preset) => {
    const heap = createHeap({ shared: false, preset, maximum: 2 ** 26 })
    const live: LiveBlock[] = []
    for (let i = 0; i < 600; i++) {
      const size = i % 50 === 0 ? 150_000 + i : 1 + ((i * 97) % 2000)
      const address = heap.malloc(size)
      expect(address).not.toBe(0)
      if (i % 3 === 0) heap.free(address)
      else live.push({ address, size })
    }
    const pieces = collectPieces(heap, live)
    let end = 0
    for (const { address, size } of pieces) {
      expect(address).toBe(end)
      expect(size).toBeGreaterThan(0)
      end = address + size
    }
    const sum = (...parts: string[]): number =>
      pieces.reduce((bytes, { size, part }) => bytes + (parts.includes(part) ? size : 0), 0)
    const requested = live.reduce((bytes, { size }) => bytes + size, 0)
    expect(sum('small', 'medium', 'large')).toBe(requested)
    expect(sum('small', 'medium', 'large', 'slack')).toBe(heap.stats().live)
    expect(sum('mark')).toBe(live.length * (preset === 'classic' ? 32 : 16))
  })
})

describe('the picture', () => {
  const panel = (title: string, pieces: Piece[]) => ({ title, caption: 'a < b', pieces })

  test('stays below 300 KB whatever it shows', () => {
    for (const panels of [1, 7, 18]) {
      const pieces = noise(100_000)
      const svg = drawPicture({
        title: 'noise',
        subtitle: '',
        panels: Array.from({ length: panels }, (_, i) => panel(`trace ${i}`, pieces)),
      })
      expect(svg.length, `${panels} panels`).toBeLessThan(300_000)
    }
  })

  test('is well formed, with title, legend, colours for dark surroundings, and escaped words', () => {
    const svg = drawPicture({ title: 'a & "b"', subtitle: 's', panels: [panel('<p>', noise(500))] })
    expect(svg).toContain('<title id="t">a &amp; &quot;b&quot;</title>')
    expect(svg).toContain('&lt;p></text>')
    expect(svg).toContain('prefers-color-scheme:dark')
    for (const label of ['small payload', 'slack', 'marks', 'free blocks']) {
      expect(svg).toContain(`>${label}</text>`)
    }
    const open: string[] = []
    for (const [, close, name, self] of svg.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name)
      else if (!self) open.push(name)
    }
    expect(open).toEqual([])
    expect(svg).not.toMatch(/NaN|undefined/)
  })

  test('of nothing', () => {
    expect(drawPicture({ title: 't', subtitle: 's', panels: [] })).toContain('</svg>')
    expect(drawPicture({ title: 't', subtitle: 's', panels: [panel('p', [])] })).not.toMatch(/NaN/)
  })
})

test('the map in the terminal shows letters where there is no colour', () => {
  const pieces: Piece[] = [
    { address: 0, size: 16, part: 'meta' },
    { address: 16, size: 16, part: 'small' },
    { address: 32, size: 15, part: 'free' },
    // One used byte shows, however much is free around it.
    { address: 47, size: 1, part: 'mark' },
    { address: 48, size: 16, part: 'free' },
    { address: 64, size: 64, part: 'pages' },
  ]
  const lines = terminalMap(pieces, { colors: plain, columns: 4, maxRows: 2 })
  expect(lines.slice(0, 3)).toEqual(['00000000  #s+·', '', 's small payload 16 B'])
})
