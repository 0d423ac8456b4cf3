/** What becomes of a module: interposed, or left as it was and listed with the reason. The program never notices. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type Installation,
  type InstallOptions,
  installPreload,
  type ModuleReport,
} from '../../src/index.ts'
import { assemble, name } from '../assemble.ts'
import { tinyModule, tinyOf } from '../tiny.ts'

let installation: Installation | undefined
afterEach(() => installation?.uninstall())

function install(options: InstallOptions = {}): void {
  installation = installPreload(options)
}
function reported(): readonly ModuleReport[] {
  return installation?.report() ?? []
}
const made = (bytes: BufferSource, imports?: WebAssembly.Imports): WebAssembly.Instance =>
  new WebAssembly.Instance(new WebAssembly.Module(bytes), imports)

/** As a program uses it: allocates, writes, frees. */
function works(instance: WebAssembly.Instance): void {
  const tiny = tinyOf(instance)
  const block = tiny.malloc(100)
  new Uint8Array(tiny.memory.buffer).fill(1, block, block + 100)
  tiny.free(block)
  expect(tiny.malloc(50)).toBeGreaterThan(0)
}

describe('modules are recognised as bytes, however they come', () => {
  test.each<[string, (bytes: Uint8Array<ArrayBuffer>) => BufferSource]>([
    [
      'a buffer of another realm',
      (bytes) => {
        const buffer = runInNewContext(`new ArrayBuffer(${bytes.length})`) as ArrayBuffer
        expect(buffer).not.toBeInstanceOf(ArrayBuffer)
        new Uint8Array(buffer).set(bytes)
        return buffer
      },
    ],
    [
      'a view of another realm',
      (bytes) => {
        const view = runInNewContext(`new Uint8Array(${bytes.length})`) as Uint8Array<ArrayBuffer>
        view.set(bytes)
        return view
      },
    ],
    [
      'a part of a buffer',
      (bytes) => {
        const larger = new Uint8Array(bytes.length + 20)
        larger.set(bytes, 10)
        return new DataView(larger.buffer, 10, bytes.length)
      },
    ],
    [
      'shared memory',
      (bytes) => {
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
        shared.set(bytes)
        return shared as unknown as Uint8Array<ArrayBuffer>
      },
    ],
  ])('%s', (_, hold) => {
    install()
    works(made(hold(tinyModule())))
    expect(reported()).toMatchObject([{ skipped: '', instances: [{ calls: 3 }] }])
  })

  test('a buffer that is used again at once', async () => {
    install()
    const bytes = tinyModule()
    const compiling = WebAssembly.instantiate(bytes)
    bytes.fill(0)
    works((await compiling).instance)
    expect(reported()).toMatchObject([{ skipped: '', instances: [{ calls: 3 }] }])
  })
})

describe('left alone, and listed', () => {
  test('modules that are not asked for: by words, by a function', () => {
    const hash = (() => {
      install()
      made(tinyModule())
      const [{ hash: found }] = reported()
      installation?.uninstall()
      return found
    })()
    install({ only: ['nothing', hash], allow: ({ bytes }) => bytes < 10_000 })
    works(made(tinyModule()))
    works(made(tinyModule({ mark: 1 })))
    works(made(tinyModule({ mark: 1 })))
    expect(reported()).toMatchObject([
      { skipped: '', hash, instances: [{ calls: 3 }] },
      { skipped: 'left alone: not among those asked for', times: 2, instances: [] },
    ])
    expect(reported()[1].name).toBe(`wasm-${tinyModule().length}-${reported()[1].hash}`)
  })

  test('a streamed module answers to its URL and to its size and hash', async () => {
    const url = `data:application/wasm;base64,${Buffer.from(tinyModule()).toString('base64')}`
    install({ only: [`wasm-${tinyModule().length}-`] })
    const { instance } = await WebAssembly.instantiateStreaming(fetch(url))
    works(instance)
    const streamed = reported().filter(({ skipped }) => skipped === '')
    expect(streamed).toMatchObject([{ instances: [{ calls: 3 }] }])
    expect(streamed[0].name).toMatch(/^data:application\/wasm;base64,.{0,60}\.\.\.$/)
  })

  test('modules of Node.js itself', () => {
    const exported = ['llhttp_init', 'llhttp_execute', 'llhttp_alloc']
    const bytes = assemble(
      [1, 1, 0x60, 0, 0],
      [3, 1, 0],
      [5, 1, 0, 1],
      [7, 3, ...exported.flatMap((each) => [...name(each), 0, 0])],
      [10, 1, 2, 0, 0x0b],
    )
    install()
    made(bytes)
    expect(reported()).toMatchObject([{ skipped: expect.stringMatching(/a module of Node\.js/) }])
  })

  test('a module without a family, and one with its own imports', () => {
    install()
    made(assemble([5, 1, 0, 1]))
    expect(reported()).toMatchObject([{ skipped: expect.stringMatching(/no malloc/) }])
  })

  test('all of them, with the mode off', () => {
    install({ mode: 'off' })
    works(made(tinyModule()))
    expect(reported()).toEqual([])
  })
})

describe('what goes wrong with us does not reach the program', () => {
  // As many tables as the engine allows: with ours there is one too many.
  const crowded = tinyModule({ tables: 100_000 })

  test('the engine does not take the rewritten bytes', async () => {
    install()
    works(made(crowded))
    works((await WebAssembly.instantiate(crowded)).instance)
    expect(reported()).toHaveLength(2)
    for (const { skipped, instances } of reported()) {
      expect(skipped).toMatch(/left alone: rewritten, CompileError/)
      expect(instances).toEqual([])
    }
  })

  test('an instance cannot be equipped: the original bodies take the hooks’ place', () => {
    install()
    const memory = new WebAssembly.Memory({ initial: 64 })
    let looked = 0
    // The engine looks first and sees the memory; we look second and do not.
    const imports = {
      get env(): WebAssembly.ModuleImports {
        return looked++ === 0 ? { memory } : {}
      },
    }
    works(made(tinyModule({ imported: 64 }), imports))
    expect(looked).toBe(2)
    expect(reported()).toMatchObject([
      { skipped: expect.stringMatching(/not equipped, .*memory/), instances: [] },
    ])
  })
})

describe('instances that are gone', { timeout: 60_000 }, () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how: object) => Promise<void>

  /** Collections that run on their own, not below this function: what lies on its stack is no reason to live. */
  async function collected(reference: WeakRef<object>): Promise<boolean> {
    for (let round = 0; round < 4 && reference.deref() !== undefined; round++) {
      await collect({ type: 'major', execution: 'async' })
    }
    return reference.deref() === undefined
  }

  test('are let go once they were reported; their last report stays', async () => {
    install()
    const gone = (() => {
      const instance = made(tinyModule())
      works(instance)
      return new WeakRef(tinyOf(instance).memory)
    })()
    expect(await collected(gone)).toBe(false)
    expect(reported()).toMatchObject([{ instances: [{ calls: 3 }] }])
    expect(await collected(gone)).toBe(true)
    expect(reported()).toMatchObject([{ instances: [{ calls: 3 }] }])
  })

  test('an instance of which only a function is left lives on, and is reported', async () => {
    install()
    const { malloc } = tinyOf(made(tinyModule()))
    malloc(1)
    expect(reported()).toMatchObject([{ instances: [{ calls: 1 }] }])
    expect(await collected(new WeakRef({}))).toBe(true)
    malloc(1)
    expect(reported()).toMatchObject([{ instances: [{ calls: 2 }] }])
  })
})
