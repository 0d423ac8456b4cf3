/** Both ways to run a module on our heap, in Node.js and in a page. */
import { afterEach, describe, expect, test } from 'vitest'
import {
  currentInstallation,
  type Installation,
  installPreload,
  instantiate,
  rewrite,
} from '../../src/index.ts'
import { type Tiny, tinyModule, tinyOf } from '../tiny.ts'

/** Writes one byte too many into a block of 20 bytes, and frees it. */
function overflow(tiny: Tiny): void {
  const address = tiny.malloc(20)
  new Uint8Array(tiny.memory.buffer)[address + 20] = 1
  tiny.free(address)
}

describe('instantiate', () => {
  test.each(['replace', 'observe'] as const)('to %s', async (mode) => {
    const { instance, heap, report } = await instantiate(tinyModule(), {}, { mode })
    const tiny = tinyOf(instance)
    const block = tiny.malloc(1000)
    tiny.free(tiny.malloc(20))
    expect(heap?.usableSize(block) ?? 0).toBeGreaterThanOrEqual(mode === 'replace' ? 1000 : 0)
    expect(report()).toMatchObject({ mode, errors: [], liveBlocks: 1, calls: 3 })
    expect(Object.keys(instance.exports)).toEqual(['malloc', 'free', 'memory'])
  })

  test('finds an overflow', async () => {
    const { instance, report } = await instantiate(tinyModule(), {}, { preset: 'debug' })
    overflow(tinyOf(instance))
    expect(report().errors).toMatchObject([{ code: 'OVERFLOW', size: 20, offset: 0 }])
  })

  test('a module rewritten to observe may replace where that is safe, and the other way round', async () => {
    const { bytes } = rewrite(tinyModule(), { mode: 'observe' })
    expect((await instantiate(bytes)).mode).toBe('observe')
    expect((await instantiate(bytes, {}, { mode: 'replace' })).mode).toBe('replace')
    const other = rewrite(tinyModule()).bytes
    expect((await instantiate(other, {}, { mode: 'observe' })).mode).toBe('observe')
  })
})

describe('installPreload', () => {
  let installation: Installation | undefined
  afterEach(() => installation?.uninstall())

  const response = (): Response =>
    new Response(tinyModule(), { headers: { 'Content-Type': 'application/wasm' } })
  const ways: Readonly<Record<string, () => Promise<WebAssembly.Instance>>> = {
    'new Module, new Instance': async () =>
      new WebAssembly.Instance(new WebAssembly.Module(tinyModule())),
    'compile, new Instance': async () =>
      new WebAssembly.Instance(await WebAssembly.compile(tinyModule())),
    'instantiate(bytes)': async () => (await WebAssembly.instantiate(tinyModule())).instance,
    'instantiate(module)': async () =>
      WebAssembly.instantiate(await WebAssembly.compile(tinyModule())),
    compileStreaming: async () =>
      WebAssembly.instantiate(await WebAssembly.compileStreaming(Promise.resolve(response()))),
    instantiateStreaming: async () =>
      (await WebAssembly.instantiateStreaming(Promise.resolve(response()))).instance,
  }

  test.each(Object.keys(ways))('%s', async (way) => {
    installation = installPreload({ preset: 'debug' })
    const instance = await ways[way]()
    expect(instance).toBeInstanceOf(WebAssembly.Instance)
    overflow(tinyOf(instance))
    const [only, ...others] = installation.report()
    expect(others).toEqual([])
    expect(only.skipped).toBe('')
    expect(only.instances).toMatchObject([{ mode: 'replace', errors: [{ code: 'OVERFLOW' }] }])
  })

  test('one installation in a realm: a second one is the first', async () => {
    expect(currentInstallation()).toBeNull()
    installation = installPreload({ preset: 'debug' })
    expect(installPreload()).toBe(installation)
    expect(currentInstallation()).toBe(installation)
    overflow(tinyOf((await WebAssembly.instantiate(tinyModule())).instance))
    expect(installation.report().flatMap(({ instances }) => instances)).toHaveLength(1)
    installation.uninstall()
    expect(currentInstallation()).toBeNull()
    await WebAssembly.instantiate(tinyModule())
    expect(installation.report()).toHaveLength(1)
  })

  test('instantiate under an installed hook: each instance has one session', async () => {
    installation = installPreload()
    const { instance, report } = await instantiate(tinyModule())
    tinyOf(instance).malloc(10)
    expect(report().calls).toBe(1)
    expect(installation.report()).toEqual([])
  })

  test.each([
    [{ only: 'tiny' }, /only must be an array/],
    [{ only: [''] }, /only must be an array/],
    [{ preset: 'quick' }, /preset is quick/],
    [{ mode: 'on' }, /mode is on/],
    [{ allowed: true }, /unknown option "allowed"/],
  ])('%j is refused', (options, words) => {
    expect(() => installPreload(options as object)).toThrow(words)
    expect(currentInstallation()).toBeNull()
  })
})
