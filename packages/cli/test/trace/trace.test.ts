import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import {
  CODE_MASK,
  decodeTrace,
  encodeTrace,
  FREE,
  MEMALIGN,
  TraceError,
  TraceWriter,
  traceStats,
} from '@vmalloc/trace'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTraceFile, unpack, writeTraceFile } from '../../src/trace/file.ts'
import { steps, traceOf } from './program.ts'

const REAL = new URL('../../traces/', import.meta.url)
const real = (name: string): string => new URL(`${name}.mtr.gz`, REAL).pathname

/** malloc 100, calloc 50 on thread 1, realloc 100 -> 300, memalign 64, free of the calloc by thread 0. */
function small(): Uint8Array {
  const writer = new TraceWriter()
  const a = writer.malloc(100)
  const c = writer.calloc(50, 1)
  writer.realloc(a, 300)
  writer.memalign(10, 64)
  writer.free(c)
  return encodeTrace(writer.finish())
}

function errorOf(act: () => unknown): TraceError {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(TraceError)
    const { message } = error as TraceError
    expect(message).not.toContain('\n')
    return error as TraceError
  }
  throw new Error('nothing was thrown')
}

function unpackOrNothing(bytes: Uint8Array): Uint8Array {
  try {
    return unpack(bytes)
  } catch {
    return new Uint8Array(0)
  }
}

function changed(bytes: Uint8Array, offset: number, word: number): Uint8Array {
  const copy = bytes.slice()
  new DataView(copy.buffer).setUint32(offset, word, true)
  return copy
}

describe('reading', () => {
  test('decodes columns, ids and figures', () => {
    const trace = decodeTrace(small(), 'small')
    expect(trace.operations).toBe(5)
    expect([...trace.id]).toEqual([0, 1, 0, 2, 1])
    expect([...trace.size]).toEqual([100, 50, 300, 10, 0])
    expect([...trace.thread]).toEqual([0, 1, 0, 0, 0])
    expect(trace.op[3] & CODE_MASK).toBe(MEMALIGN)
    expect(trace.op[3] >>> 3).toBe(6)
    expect(trace).toMatchObject({ peakLive: 360, peakAt: 3, peakBlocks: 3, liveAtEnd: 2 })
  })

  test('a real trace has the counts of its recording', () => {
    const stats = traceStats(readTraceFile(real('redis')))
    expect(stats.operations).toBe(404_625)
    expect(stats.perCode).toEqual([0, 204_543, 189_017, 578, 10_487, 0])
    expect(stats).toMatchObject({ crossThreadFrees: 31_299, liveAtEnd: 16_104 })
  })

  test('reads plain and gzip files, and says which file is wrong', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmalloc-trace-'))
    const trace = decodeTrace(small(), 'x')
    for (const name of ['x.mtr', 'x.mtr.gz']) {
      writeTraceFile(join(folder, name), trace)
      expect(readTraceFile(join(folder, name))).toEqual(trace)
    }
    const missing = join(folder, 'missing.mtr')
    const error = errorOf(() => readTraceFile(missing))
    expect(error.code).toBe('UNREADABLE')
    expect(error.message).toBe(`${missing}: no such file`)
    expect(errorOf(() => readTraceFile(folder)).message).toContain('a directory')
    writeFileSync(join(folder, 'short.gz'), gzipSync(small()).subarray(0, 40))
    expect(errorOf(() => readTraceFile(join(folder, 'short.gz'))).code).toBe('BAD_GZIP')
  })
})

describe('refusing', () => {
  test('every cut of a plain file', () => {
    const bytes = small()
    for (let length = 0; length < bytes.length; length++) {
      const { code } = errorOf(() => decodeTrace(bytes.subarray(0, length)))
      expect(code).toBe(length < 4 ? 'NOT_A_TRACE' : 'LENGTH')
    }
    expect(errorOf(() => decodeTrace(new Uint8Array([...bytes, 0]))).code).toBe('LENGTH')
  })

  test('every cut and every flipped bit of the deflate data of a gzip file', () => {
    const packed = gzipSync(small())
    for (let length = 2; length < packed.length; length++) {
      expect(errorOf(() => unpack(packed.subarray(0, length))).code).toBe('BAD_GZIP')
    }
    let harmless = 0
    for (let bit = 10 * 8; bit < packed.length * 8; bit++) {
      const copy = Uint8Array.from(packed)
      copy[bit >> 3] ^= 1 << (bit & 7)
      // A bit that fills up a byte means nothing: the same data comes out.
      if (Buffer.compare(unpackOrNothing(copy), small()) === 0) harmless++
      else expect(errorOf(() => unpack(copy)).code).toBe('BAD_GZIP')
    }
    expect(harmless).toBeLessThan(16)
  })

  test('a flipped bit in a plain file is an error or gives a trace that keeps every rule', () => {
    const bytes = small()
    let refused = 0
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = bytes.slice()
      copy[bit >> 3] ^= 1 << (bit & 7)
      try {
        expect(encodeTrace(decodeTrace(copy))).toEqual(copy)
      } catch (error) {
        expect(error).toBeInstanceOf(TraceError)
        refused++
      }
    }
    // A size below the peak, a code of the same shape: little can change unseen.
    expect(refused).toBeGreaterThan(bytes.length * 8 * 0.85)
  })

  test.each([
    ['magic', 0, 1, 'NOT_A_TRACE'],
    ['an operation count that no memory could hold', 4, 0xffff_ffff, 'LENGTH'],
    ['more ids than operations', 8, 6, 'BAD_HEADER'],
    ['ids that nobody makes', 8, 4, 'BAD_HEADER'],
    ['fewer ids than births', 8, 2, 'BAD_OPERATION'],
    ['no threads', 12, 0, 'BAD_HEADER'],
    ['more threads than a byte counts', 12, 257, 'BAD_HEADER'],
    ['a thread number beyond the count', 12, 1, 'BAD_OPERATION'],
    ['blocks live at the end', 16, 3, 'BAD_HEADER'],
    ['unknown flags', 20, 2, 'BAD_HEADER'],
    ['peak bytes, low word', 24, 361, 'BAD_HEADER'],
    ['peak bytes, high word', 28, 1, 'BAD_HEADER'],
    ['peak blocks', 32, 4, 'BAD_HEADER'],
    ['prologue beyond the first births', 36, 3, 'BAD_HEADER'],
    ['reserved words', 60, 1, 'BAD_HEADER'],
    ['code 0', 64, 0x0304_0300, 'BAD_OPERATION'],
    ['code 6', 64, 0x3504_0306, 'BAD_OPERATION'],
    ['an alignment on a malloc', 64, 0x3504_0309, 'BAD_OPERATION'],
    ['padding', 68, 0x0000_0102, 'BAD_HEADER'],
    ['a birth with a reference', 80, 1, 'BAD_OPERATION'],
    ['a reference of 0', 88, 0, 'BAD_OPERATION'],
    ['a reference before the first block', 88, 3, 'BAD_OPERATION'],
    ['a realloc to 0 bytes', 108, 0, 'BAD_OPERATION'],
    ['a free with a size', 116, 1, 'BAD_OPERATION'],
  ])('%s', (_, offset, word, code) => {
    expect(errorOf(() => decodeTrace(changed(small(), offset, word))).code).toBe(code)
  })

  test('use after free', () => {
    const writer = new TraceWriter()
    const a = writer.malloc(1)
    writer.malloc(2)
    writer.free(a)
    writer.malloc(3)
    const bytes = encodeTrace(writer.finish())
    bytes[67] = FREE // operation 3 becomes a second free of block 0
    const wrong = changed(changed(changed(bytes, 8, 2), 72 + 12, 2), 88 + 12, 0)
    const error = errorOf(() => decodeTrace(wrong))
    expect(error.message).toBe('operation 3: block 0 is used after its free')
    expect(error.operation).toBe(3)
  })

  test('garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (noise, withMagic) => {
        const bytes = withMagic
          ? changed(new Uint8Array([0, 0, 0, 0, ...noise]), 0, 0x3152544d)
          : noise
        errorOf(() => decodeTrace(unpack(bytes)))
      }),
    )
  })
})

describe('writing', () => {
  test('what was written is read back', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (program, cut) => {
        const trace = traceOf(program, cut)
        expect(decodeTrace(encodeTrace(trace), 'random')).toEqual(trace)
      }),
    )
  })

  test('a real trace is written back byte for byte', () => {
    const path = real('convert')
    expect(Buffer.compare(encodeTrace(readTraceFile(path)), unpack(readFileSync(path)))).toBe(0)
  })

  test('realloc to 0 is a free, and a dead block cannot be used', () => {
    const writer = new TraceWriter()
    const a = writer.malloc(8)
    writer.realloc(a, 0)
    expect(() => writer.free(a)).toThrow(/block 0 is not live/)
    expect(() => writer.malloc(-1)).toThrow(/size is -1/)
    expect(() => writer.memalign(8, 24)).toThrow(/alignment is 24/)
    expect(() => writer.malloc(8, 256)).toThrow(/thread is 256/)
    expect(() => writer.finish('x', { prologue: 2 })).toThrow(/prologue is 2/)
    expect(writer.finish()).toMatchObject({ operations: 2, liveAtEnd: 0, peakLive: 8 })
  })
})
