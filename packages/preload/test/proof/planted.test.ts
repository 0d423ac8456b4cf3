/**
 * Planted bugs, found with the right code, at the right byte, and nothing else: in SQLite as it runs, and in a program
 * whose own code has them.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Installation,
  installPreload,
  instantiate,
  type PreloadOptions,
  type Report,
} from '../../src/index.ts'
import { type Buggy, buggyBytes } from '../programs/buggy.ts'
import type { Loaded } from '../programs/program.ts'
import { sqlite } from '../programs/sqlite.ts'

describe('in SQLite', () => {
  let installation: Installation
  let loaded: Loaded
  let native: NonNullable<Loaded['native']>

  beforeEach(async () => {
    installation = installPreload({ preset: 'debug', stacks: 'all' })
    loaded = await sqlite.load()
    if (loaded.native === undefined) throw new Error('SQLite shows no malloc')
    native = loaded.native
  })
  afterEach(() => installation.uninstall())

  function report(): Report {
    const [only] = installation.report().flatMap((module) => module.instances)
    return only
  }

  const facts = (): unknown[][] =>
    report().errors.map(({ code, address, size, offset }) => [code, address, size, offset])

  test('34 bytes into a block of 20, between two units of work', () => {
    loaded.run(1)
    const address = native.malloc(20)
    native.u8().fill(0x41, address, address + 34)
    loaded.run(1)
    native.free(address)
    expect(facts()).toEqual([['OVERFLOW', address, 20, 0]])
  })

  test("SQLite's own code writes beyond a block", () => {
    const address = native.malloc(28)
    // Random bytes: one may be what stood there.
    native.write(address, 28 + 6)
    loaded.run(1)
    native.free(address)
    const [[code, where, size, offset], ...more] = facts()
    expect([code, where, size, more]).toEqual(['OVERFLOW', address, 28, []])
    expect(offset).toBeLessThan(6)
  })

  test('an overflow by one byte, while the block lives', () => {
    const address = native.malloc(100)
    native.u8()[address + 100] = 1
    loaded.run(1)
    expect(report().errors).toMatchObject([{ code: 'OVERFLOW', address, size: 100, offset: 0 }])
  })

  test('a double free', () => {
    const address = native.malloc(200)
    native.free(address)
    native.free(address)
    loaded.run(1)
    const { errors } = report()
    expect(errors).toMatchObject([{ code: 'DOUBLE_FREE', address }])
    expect(errors[0].stack.length).toBeGreaterThan(0)
  })

  test('a leak, told apart from what SQLite keeps', () => {
    loaded.run(1)
    const before = report()
    function forget(): void {
      native.malloc(4321)
    }
    forget()
    loaded.run(1)
    const after = report()
    expect(after.live - before.live).toBe(4321)
    const leaks = after.leaks.filter(({ stack }) => stack.some((frame) => frame.includes('forget')))
    expect(leaks).toMatchObject([{ blocks: 1, bytes: 4321 }])
  })
})

describe.each<PreloadOptions>([{ preset: 'debug' }, { stacks: 'all' }])(
  'by a program, %j',
  (options) => {
    const functions = { malloc: 'malloc', free: 'free', realloc: 'realloc' }

    async function start(): Promise<{ buggy: Buggy; report: () => Report }> {
      const preloaded = await instantiate(
        buggyBytes,
        {},
        { ...options, mode: 'replace', functions },
      )
      return { ...preloaded, buggy: preloaded.instance.exports as unknown as Buggy }
    }

    test('an overflow', async () => {
      const { buggy, report } = await start()
      const address = buggy.overflow(20, 34)
      const [error, ...more] = report().errors
      expect(more).toEqual([])
      expect(error).toMatchObject({
        code: 'OVERFLOW',
        address,
        size: 20,
        offset: 0,
        during: 'free',
      })
      expect(error.stack.join('\n')).toMatch(/^free \(wasm:.*\noverflow \(wasm:/)
      expect(error.allocatedAt.join('\n')).toMatch(/^malloc \(wasm:.*\noverflow \(wasm:/)
    })

    test('a double free', async () => {
      const { buggy, report } = await start()
      const address = buggy.twice(50)
      const [error, ...more] = report().errors
      expect(more).toEqual([])
      expect(error).toMatchObject({ code: 'DOUBLE_FREE', address, size: 50, during: 'free' })
      expect(error.stack.join('\n')).toMatch(/^free \(wasm:.*\ntwice \(wasm:/)
    })

    test('a leak', async () => {
      const { buggy, report } = await start()
      buggy.forget(77)
      buggy.forget(77)
      const { errors, leaks, live } = report()
      expect([errors, live]).toEqual([[], 154])
      expect(leaks.every(({ stack }) => stack[1].startsWith('forget (wasm:'))).toBe(true)
    })

    test('a resize after an overflow: the program goes on with its data', async () => {
      const { buggy, report } = await start()
      const address = buggy.grow(20, 8, 100)
      expect(report().errors).toMatchObject([
        { code: 'OVERFLOW', size: 20, offset: 0, during: 'realloc' },
      ])
      expect([...new Uint8Array(buggy.memory.buffer, address, 20)]).toEqual(Array(20).fill(0x33))
      expect(report().live).toBe(100)
    })
  },
)
