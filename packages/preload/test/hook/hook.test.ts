import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { decodeTrace, traceStats } from '@vmalloc/trace'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parseHookOptions } from '../../src/hook-options.ts'
import { type Installation, installPreload, type ModuleReport, rewrite } from '../../src/index.ts'
import { isPreloaded } from '../../src/preloaded.ts'
import { assemble, name } from '../assemble.ts'
import { moduleBytes } from '../modules.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'vmalloc-preload-'))
const app = join(import.meta.dirname, 'app.ts')
const entry = join(import.meta.dirname, '../../src/index.ts')
vi.setConfig({ testTimeout: 60_000 })

async function node(args: string[], options = ''): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, VMALLOC_PRELOAD: options, NODE_OPTIONS: '' }
  return run(process.execPath, ['--conditions=@vmalloc/source', ...args, app], { env })
}

describe('node --import', () => {
  test('the program runs as without, and a report is on standard error', async () => {
    const plain = await node([])
    expect(plain.stderr).toBe('')
    const preloaded = await node(['--import', entry], 'preset=debug')
    expect(preloaded.stdout).toBe(plain.stdout)
    expect(preloaded.stderr).toMatch(
      /^vmalloc preload: wasm-271581-[0-9a-f]{8}: replace\n {2}errors {2}none\n/,
    )
    expect(preloaded.stderr).toMatch(/blocks still live, by where they were allocated/)
  })

  test('the package by its name, the report as JSON in a file', async () => {
    const file = join(folder, 'report.json')
    const { stderr } = await node(['--import=@vmalloc/preload'], `mode=observe,report=${file}`)
    expect(stderr).toBe('')
    const { modules } = JSON.parse(readFileSync(file, 'utf8')) as { modules: ModuleReport[] }
    expect(modules).toHaveLength(1)
    expect(modules[0].instances[0]).toMatchObject({ mode: 'observe', errors: [] })
    expect(modules[0].instances[0].calls).toBeGreaterThan(1000)
  })

  test('a recording of the program, as vmalloc replay reads it', async () => {
    const file = join(folder, 'lua.mtr')
    await node(['--import=@vmalloc/preload'], `report=none,record=${file}`)
    const stats = traceStats(decodeTrace(new Uint8Array(readFileSync(file)), 'lua'))
    expect(stats.operations).toBeGreaterThan(10_000)
    expect(stats.peakLive).toBeGreaterThan(100_000)
  })

  test('a wrong option stops the program with one clear message', async () => {
    await expect(node(['--import', entry], 'preset=fast')).rejects.toThrow(
      /preset is fast: it must be one of/,
    )
    await expect(node(['--import', entry], 'preste=debug')).rejects.toThrow(
      /"preste=debug" is none of/,
    )
  })
})

describe('the hook in a process', () => {
  let installation: Installation | undefined
  afterEach(() => installation?.uninstall())

  test('stand-ins pass for the real ones', async () => {
    const { Module, Instance } = WebAssembly
    installation = installPreload()
    const bytes = moduleBytes('harfbuzz subset')
    const module = new WebAssembly.Module(bytes)
    expect(module).toBeInstanceOf(WebAssembly.Module)
    expect(module).toBeInstanceOf(Module)
    expect(WebAssembly.Module.exports(module)).toEqual(Module.exports(new Module(bytes)))
    const instance = new WebAssembly.Instance(module)
    expect(instance).toBeInstanceOf(WebAssembly.Instance)
    expect(instance).toBeInstanceOf(Instance)
    const both = await WebAssembly.instantiate(bytes)
    expect(both.instance).toBeInstanceOf(Instance)
    const response = new Response(bytes, { headers: { 'Content-Type': 'application/wasm' } })
    const streamed = await WebAssembly.instantiateStreaming(response)
    for (const { exports } of [instance, both.instance, streamed.instance]) {
      const native = exports as unknown as {
        malloc(size: number): number
        free(address: number): void
      }
      native.free(native.malloc(100))
    }
    const reports = installation.report()
    expect(reports).toHaveLength(3)
    expect(reports.every(({ instances }) => instances[0].calls >= 2)).toBe(true)
    installation.uninstall()
    expect(WebAssembly.Module).toBe(Module)
    expect(WebAssembly.Instance).toBe(Instance)
  })

  test('compile options reach the engine', async () => {
    // (import "wasm:js-string" "length" (func (param externref) (result i32))) (export "length" (func 0)) and a memory
    const bytes = assemble(
      [1, 1, 0x60, 1, 0x6f, 1, 0x7f],
      [2, 1, ...name('wasm:js-string'), ...name('length'), 0, 0],
      [5, 1, 0, 1],
      [7, 1, ...name('length'), 0, 0],
    )
    const options = { builtins: ['js-string'] }
    installation = installPreload()
    const { instance } = await (
      WebAssembly.instantiate as unknown as (
        ...values: unknown[]
      ) => Promise<WebAssembly.WebAssemblyInstantiatedSource>
    )(bytes, {}, options)
    expect((instance.exports['length'] as (text: string) => number)('four')).toBe(4)
  })

  test('errors of the engine stay what they are', async () => {
    installation = installPreload()
    await expect(WebAssembly.compile(new Uint8Array([1, 2, 3]))).rejects.toBeInstanceOf(
      WebAssembly.CompileError,
    )
    expect(() => new WebAssembly.Module(new Uint8Array(4))).toThrow(WebAssembly.CompileError)
    const bytes = moduleBytes('oniguruma')
    await expect(WebAssembly.instantiate(bytes, {})).rejects.toBeInstanceOf(TypeError)
    const text = new Response(bytes, { headers: { 'Content-Type': 'text/plain' } })
    await expect(WebAssembly.compileStreaming(text)).rejects.toBeInstanceOf(TypeError)
  })

  test('a module rewritten ahead of time is equipped', () => {
    const { bytes } = rewrite(moduleBytes('harfbuzz subset'))
    const module = new WebAssembly.Module(bytes)
    installation = installPreload({ preset: 'debug' })
    const { exports } = new WebAssembly.Instance(module)
    const native = exports as unknown as {
      malloc(size: number): number
      free(address: number): void
    }
    const address = native.malloc(50)
    native.free(address)
    native.free(address)
    const [{ instances }] = installation.report()
    expect(instances[0].errors.map(({ code }) => code)).toEqual(['DOUBLE_FREE'])
  })
})

test('VMALLOC_PRELOAD', () => {
  const nothing = { install: {}, report: 'stderr', record: '', map: '', signal: '' }
  expect(parseHookOptions('')).toEqual(nothing)
  const text =
    ' preset=debug, report=/tmp/x.json ,only=sqlite,mode=off,only=lua,signal=SIGUSR2,map=x.maps'
  expect(parseHookOptions(text)).toEqual({
    install: { preset: 'debug', mode: 'off', only: ['sqlite', 'lua'] },
    report: '/tmp/x.json',
    record: '',
    map: 'x.maps',
    signal: 'SIGUSR2',
  })
  expect(parseHookOptions('record=x.mtr').install).toEqual({ record: true })
  for (const wrong of ['mode=on', 'only=', 'report=a,report=b', 'signal=9', 'stacks=some', 'x']) {
    expect(() => parseHookOptions(wrong), wrong).toThrow(RangeError)
  }
})

test('being imported by a program is not being preloaded', () => {
  const url = 'file:///app/node_modules/@vmalloc/preload/dist/index.js'
  const preloaded = (execArgv: string[], NODE_OPTIONS = ''): boolean =>
    isPreloaded(url, { execArgv, env: { NODE_OPTIONS } })
  expect(preloaded([])).toBe(false)
  expect(preloaded(['--import', '@vmalloc/preload'])).toBe(true)
  expect(preloaded(['--import=@vmalloc/preload'])).toBe(true)
  expect(preloaded([], '--import @vmalloc/preload')).toBe(true)
  expect(preloaded(['--import', './node_modules/@vmalloc/preload/dist/index.js'])).toBe(true)
  expect(preloaded(['--import', './other.js'])).toBe(false)
  expect(preloaded(['--import'])).toBe(false)
})
