/** Bugs planted in SQLite as it runs: found with the right code, at the right byte, and nothing else. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Installation, installPreload, type Report } from '../../src/index.ts'
import type { Loaded } from '../programs/program.ts'
import { sqlite } from '../programs/sqlite.ts'

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

test('a heap overflow between two units of work', () => {
  loaded.run(1)
  const address = native.malloc(20)
  native.u8().fill(0x41, address, address + 34)
  loaded.run(1)
  native.free(address)
  const { errors } = report()
  // 14 bytes beyond: the guard is gone, and with it the size; the overflow itself is not missed.
  expect(errors.map((error) => [error.code, error.address])).toEqual([['OVERFLOW', address]])
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
