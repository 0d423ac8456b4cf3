import { type Trace, TraceWriter } from '@vmalloc/trace'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHeap } from '../../src/core-heap.ts'
import { replayTrace } from '../../src/replay/replay.ts'
import { readTraceFile } from '../../src/trace/file.ts'
import { FakeHeap, type Mistake } from '../fake-heap.ts'
import { steps, traceOf } from '../trace/program.ts'

const MAXIMUM = 64 * 2 ** 20

/** Every kind of call, sizes around words and pages, two blocks never freed. */
function small(): Trace {
  const writer = new TraceWriter()
  const a = writer.malloc(100)
  const b = writer.calloc(37)
  const c = writer.memalign(4097, 256)
  writer.realloc(a, 1000)
  writer.realloc(b, 5)
  const d = writer.malloc(0)
  writer.free(c)
  writer.malloc(64)
  writer.free(d)
  writer.malloc(3)
  writer.free(a)
  return writer.finish('small')
}

function onFake(mistake?: Mistake): ReturnType<typeof replayTrace> {
  return replayTrace(small(), () => new FakeHeap(2 ** 16, mistake), { rounds: 2 })
}

describe('on a faultless heap', () => {
  test('every operation is performed, nothing is wrong', async () => {
    expect(await onFake()).toMatchObject({
      name: 'small',
      ops: 11,
      errors: 0,
      errorSamples: [],
      // 1000 + 5 + 4097 after the second realloc, then 64 and 3 instead of the 4097.
      peakLive: 5134,
      threads: 1,
      workers: 0,
      copies: 1,
    })
  })

  test.each(['default', 'classic'] as const)(
    'preset %s, a whole recorded trace',
    async (preset) => {
      const trace = readTraceFile(new URL('../../traces/convert.mtr.gz', import.meta.url).pathname)
      const open = () => createHeap({ shared: false, preset, maximum: 2 ** 28 })
      const result = await replayTrace(trace, open, { rounds: 1 })
      expect(result).toMatchObject({ ops: 14_946, errors: 0, peakLive: 31_673_169 })
      expect(result.nsPerOp).toBeGreaterThan(0)
      expect(result.ratio).toBe(result.peakMapped / result.peakLive)
      expect(result.ratio).toBeGreaterThan(1)
    },
  )

  test('random programs', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (program) => {
        const trace = traceOf(program)
        const open = () => createHeap({ shared: false, preset: 'default', maximum: MAXIMUM })
        const result = await replayTrace(trace, open, { rounds: 0 })
        expect(result).toMatchObject({ errors: 0, ops: trace.operations, peakLive: trace.peakLive })
      }),
      { numRuns: 25 },
    )
  })

  test('the moment of the peak is handed out once, with what is live then', async () => {
    const seen: number[][] = []
    await replayTrace(small(), () => new FakeHeap(2 ** 16), {
      rounds: 1,
      atPeak: ({ copies: [{ addresses, sizes }] }) => {
        seen.push([...sizes].filter((_, id) => addresses[id] !== 0))
      },
    })
    expect(seen).toEqual([[1000, 37, 4097]])
  })

  test('a trace without operations', async () => {
    const empty = new TraceWriter().finish('empty')
    const result = await replayTrace(empty, () => new FakeHeap(1024), { rounds: 1 })
    expect(result).toMatchObject({ ops: 0, nsPerOp: null, ratio: 0, errors: 0 })
  })
})

describe('mistakes are found', () => {
  test.each<[Mistake, RegExp]>([
    ['overlap', /byte \d+ of the payload at \d+ changed/],
    ['dirty-calloc', /block 1: calloc: byte 36 of 37 is not zero/],
    ['lost-copy', /realloc: byte 99 of the payload at \d+ changed/],
    ['bad-alignment', /is not a multiple of/],
    ['leak', /after the last free \d+ bytes are still live/],
    ['check', /check\(\) at the end: a broken invariant/],
    ['throwing-free', /free fails/],
    ['small-usable', /usable size 99 of a block for 100 bytes/],
    ['no-room', /block 1: no room for 37 bytes/],
  ])('%s', async (mistake, words) => {
    const result = await onFake(mistake)
    expect(result.errors).toBeGreaterThan(0)
    expect(result.errorSamples.join('\n')).toMatch(words)
    // The speed of a heap that makes mistakes is not reported.
    expect(result.nsPerOp).toBeNull()
  })

  test('a memory that is too small: every failed call is one error, and the rest goes on', async () => {
    const trace = readTraceFile(new URL('../../traces/convert.mtr.gz', import.meta.url).pathname)
    const open = () => createHeap({ shared: false, preset: 'default', maximum: 8 * 2 ** 20 })
    const result = await replayTrace(trace, open, { rounds: 1 })
    expect(result.errors).toBeGreaterThan(0)
    expect(result.errorSamples[0]).toMatch(/no room for \d+ bytes/)
    expect(result.peakMapped).toBeLessThanOrEqual(8 * 2 ** 20)
  })
})
