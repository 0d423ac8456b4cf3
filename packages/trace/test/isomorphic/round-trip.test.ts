/** Reading and writing in memory; files, damage and random programs are tested with the command line that reads them. */
import {
  CODE_MASK,
  decodeTrace,
  encodeTrace,
  FREE,
  MALLOC,
  REALLOC,
  TraceError,
  TraceWriter,
  traceStats,
} from '@vmalloc/trace'
import { expect, test } from 'vitest'

function written(): Uint8Array {
  const writer = new TraceWriter()
  const first = writer.malloc(100)
  const second = writer.calloc(50, 1)
  writer.memalign(10, 4096)
  writer.realloc(first, 300)
  writer.free(second, 2)
  return encodeTrace(writer.finish('small', { cut: true, prologue: 2 }))
}

test('bytes and trace are each other’s image', () => {
  const trace = decodeTrace(written(), 'small')
  expect(trace).toMatchObject({
    operations: 5,
    ids: 3,
    threads: 3,
    liveAtEnd: 2,
    peakLive: 360,
    peakBlocks: 3,
    prologue: 2,
    cut: true,
  })
  expect([trace.op[0] & CODE_MASK, trace.op[3], trace.op[4]]).toEqual([MALLOC, REALLOC, FREE])
  expect(encodeTrace(trace)).toEqual(written())
  expect(traceStats(trace)).toMatchObject({ crossThreadFrees: 1, liveAtEnd: 2 })
})

test('bytes at any offset of a buffer are read alike', () => {
  const bytes = written()
  const shifted = new Uint8Array(bytes.length + 3)
  shifted.set(bytes, 3)
  expect(decodeTrace(shifted.subarray(3))).toEqual(decodeTrace(bytes))
})

test('every cut is refused with a typed error', () => {
  const bytes = written()
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeTrace(bytes.subarray(0, length))).toThrow(TraceError)
  }
})

test('the writer refuses what no trace can hold', () => {
  const writer = new TraceWriter()
  const block = writer.malloc(1)
  writer.free(block)
  for (const act of [
    () => writer.free(block),
    () => writer.realloc(7, 1),
    () => writer.malloc(-1),
    () => writer.malloc(1.5),
    () => writer.malloc(2 ** 32),
    () => writer.memalign(8, 3),
    () => writer.malloc(1, 256),
    () => writer.finish('x', { prologue: 2 }),
  ]) {
    expect(act).toThrow(RangeError)
  }
  expect(writer.operations).toBe(2)
})
