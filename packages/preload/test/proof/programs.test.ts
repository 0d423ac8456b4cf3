/**
 * Programs from npm, unmodified, each with a real workload: the same results with our heap below them as without, and
 * not one false alarm.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { type Installation, installPreload, type PreloadOptions } from '../../src/index.ts'
import { WORKS } from '../programs/index.ts'

const TIMEOUT_MS = 120_000
const MODES: readonly PreloadOptions[] = [{}, { preset: 'debug' }, { mode: 'observe' }]

let installation: Installation | undefined
afterEach(() => installation?.uninstall())

describe.each(WORKS)('$program.name', { timeout: TIMEOUT_MS }, ({ program, scale, verdict }) => {
  let expected = ''

  test('runs without us', async () => {
    expected = (await program.load()).run(scale)
    expect(expected).not.toBe('')
  })

  test.each(MODES)('%j: the same results, no errors', async (options) => {
    installation = installPreload(options)
    const loaded = await program.load()
    expect(loaded.run(scale)).toBe(expected)
    const instances = installation.report().flatMap((module) => module.instances)
    expect(instances).toHaveLength(1)
    const [report] = instances
    expect(report.mode).toBe(options.mode ?? verdict)
    expect(report.errors).toEqual([])
    expect(report.foreignFrees).toBe(0)
    expect(report.calls).toBeGreaterThan(10_000)
    expect(report.peak).toBeGreaterThan(0)
    expect(report.reserved > 0).toBe(report.mode === 'replace')
  })
})
