import { type HeapMap, MAP_PARTS, type MapPart, mapOfWalk, piecesOf } from '@vmalloc/core/map'
import { describe, expect, test } from 'vitest'
import { cellMap } from '../../src/map/cells.ts'
import { drawPicture } from '../../src/map/svg.ts'
import { terminalMap } from '../../src/map/terminal-map.ts'
import { colorsFor } from '../../src/terminal/colors.ts'

const plain = colorsFor({ isTTY: false })

function total(map: ReturnType<typeof cellMap>, part: MapPart): number {
  const p = MAP_PARTS.indexOf(part)
  let sum = 0
  for (let cell = 0; cell < map.cells; cell++) sum += map.bytes[cell * MAP_PARTS.length + p]
  return sum
}

const WALKED = [
  ['small', 'used'],
  ['medium', 'used'],
  ['large', 'used'],
  ['meta', 'used'],
  ['medium', 'cached'],
  ['medium', 'free'],
  ['pages', 'free'],
] as const

/** Pieces of these lengths, each with marks of 16 bytes if it is in use; half of its payload is slack. */
function mapOf(pieces: readonly (readonly [number, (typeof WALKED)[number]])[]): HeapMap {
  let block = 0
  const sizes = new Map<number, number>()
  return mapOfWalk(
    (visit) => {
      for (const [blockSize, [kind, state]] of pieces) {
        const [address, size] = [block + 8, blockSize - 16]
        sizes.set(address, size >> 1)
        visit({ address, size, kind, state, block, blockSize, thread: 0, owner: 0 })
        block += blockSize
      }
    },
    undefined,
    { requested: (payload) => sizes.get(payload) ?? 0 },
  )
}

/** Every cell a different mixture: the least that can be drawn in runs. */
function noise(count: number): HeapMap {
  let state = 1
  return mapOf(
    Array.from({ length: count }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return [32 + (state >>> 20), WALKED[(state >>> 8) % WALKED.length]] as const
    }),
  )
}

describe('cells', () => {
  test('bytes are neither lost nor doubled', () => {
    const heap = noise(3000)
    const map = cellMap(heap, 100)
    expect(map.cells).toBeLessThanOrEqual(100)
    for (const part of MAP_PARTS) {
      const bytes = [...piecesOf(heap)].filter((piece) => piece.part === part)
      expect(total(map, part)).toBe(bytes.reduce((sum, { size }) => sum + size, 0))
    }
  })

  test('the length is the smallest power of two that does', () => {
    expect(cellMap(mapOf([[1600, WALKED[5]]]), 100).cellBytes).toBe(16)
    expect(cellMap(mapOf([[1601, WALKED[5]]]), 100).cellBytes).toBe(32)
  })
})

describe('the picture', () => {
  const panel = (title: string, map: HeapMap) => ({ title, caption: 'a < b', map })

  test('stays below 300 KB whatever it shows', () => {
    for (const panels of [1, 7, 18]) {
      const map = noise(20_000)
      const svg = drawPicture({
        title: 'noise',
        subtitle: '',
        panels: Array.from({ length: panels }, (_, i) => panel(`trace ${i}`, map)),
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
    expect(drawPicture({ title: 't', subtitle: 's', panels: [panel('p', mapOf([]))] })).not.toMatch(
      /NaN/,
    )
  })
})

test('the map in the terminal shows letters where there is no colour', () => {
  const map = mapOf([
    [16, ['meta', 'used']],
    [32, ['small', 'used']],
    [15, ['medium', 'free']],
    // One used byte shows, however much is free around it.
    [1, ['meta', 'used']],
    [16, ['medium', 'free']],
    [16, ['medium', 'cached']],
    [64, ['pages', 'free']],
  ])
  const lines = terminalMap(map, { colors: plain, columns: 6, maxRows: 2 })
  expect(lines.slice(0, 3)).toEqual(['00000000  #s~#·-', '', 's small payload 8 B'])
})
