/** The hook in processes of its own: programs that make it hard, several threads, results that cannot be written. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import type { ModuleReport } from '../../src/index.ts'
import { tinyModule } from '../tiny.ts'

vi.setConfig({ testTimeout: 120_000 })
const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'vmalloc-process-'))
const entry = join(import.meta.dirname, '../../src/index.ts')
writeFileSync(join(folder, 'tiny.wasm'), tinyModule())

interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

/** Runs a program under the hook. */
async function preloaded(source: string, options: string): Promise<Ended> {
  const file = join(folder, 'program.mjs')
  writeFileSync(file, source)
  const env = { ...process.env, VMALLOC_PRELOAD: options, NODE_OPTIONS: '' }
  const args = ['--conditions=@vmalloc/source', '--no-warnings', '--import', entry, file]
  try {
    return { ...(await run(process.execPath, args, { env, cwd: folder })), code: 0 }
  } catch (error) {
    return error as unknown as Ended
  }
}

function modulesIn(file: string): readonly ModuleReport[] {
  return (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { modules: ModuleReport[] })
    .modules
}

test('a program that has its own idea of stack traces, installs again, streams and imports modules', async () => {
  const source = `
    import { createServer } from 'node:http'
    import { readFileSync } from 'node:fs'
    import { malloc } from './tiny.wasm'
    import { currentInstallation, installPreload } from ${JSON.stringify(entry)}
    Error.prepareStackTrace = (error, frames) => frames
    Error.stackTraceLimit = 0
    malloc(1)
    const bytes = readFileSync('tiny.wasm')
    bytes[bytes.length - 1] = 8
    const same = installPreload() === currentInstallation()
    ;(await WebAssembly.instantiate(bytes)).instance.exports.malloc(2)
    const server = createServer((_, response) => {
      response.setHeader('Content-Type', 'application/wasm')
      response.end(readFileSync('tiny.wasm'))
    })
    server.listen(0, '127.0.0.1', async () => {
      const url = 'http://127.0.0.1:' + server.address().port + '/streamed.wasm'
      const { instance } = await WebAssembly.instantiateStreaming(fetch(url))
      instance.exports.malloc(3)
      const [first] = currentInstallation().report()
      console.log(same, first.instances[0].calls)
      server.close()
      server.closeAllConnections()
    })`
  const ended = await preloaded(source, 'preset=debug,report=awkward.json')
  expect(ended).toEqual({ stdout: 'true 1\n', stderr: '', code: 0 })
  const modules = modulesIn('awkward.json')
  const interposed = modules.filter(({ skipped }) => skipped === '')
  expect(interposed.map(({ instances }) => instances.map(({ calls }) => calls))).toEqual([
    [1],
    [1],
    [1],
  ])
  expect(interposed[2].name).toMatch(/\/streamed\.wasm$/)
  const others = modules.filter(({ skipped }) => skipped !== '')
  for (const { skipped } of others) expect(skipped).toMatch(/a module of Node\.js/)
})

test('threads write files of their own', async () => {
  const source = `
    import { isMainThread, Worker } from 'node:worker_threads'
    import { readFileSync } from 'node:fs'
    const { instance } = await WebAssembly.instantiate(readFileSync('tiny.wasm'))
    for (let call = isMainThread ? 5 : 7; call > 0; call--) instance.exports.malloc(10)
    if (isMainThread) new Worker(new URL(import.meta.url))`
  const ended = await preloaded(source, 'report=threads.json,record=threads.mtr')
  expect(ended).toEqual({ stdout: '', stderr: '', code: 0 })
  expect(modulesIn('threads.json')[0].instances[0].calls).toBe(5)
  expect(modulesIn('threads.json.thread-1')[0].instances[0].calls).toBe(7)
  expect(existsSync(join(folder, 'threads.mtr'))).toBe(true)
  expect(existsSync(join(folder, 'threads.mtr.thread-1'))).toBe(true)
})

test('a report that cannot be written is one line, and the program’s exit code its own', async () => {
  const source = `
    import { readFileSync } from 'node:fs'
    await WebAssembly.instantiate(readFileSync('tiny.wasm'))
    process.exitCode = 3`
  const { code, stderr } = await preloaded(source, 'report=no/such/folder/x.json,record=no/y.mtr')
  expect(code).toBe(3)
  expect(stderr.trim().split('\n')).toHaveLength(2)
  expect(stderr).toMatch(
    /^vmalloc preload: no\/y\.mtr: ENOENT.*\nvmalloc preload: no\/such\/folder\/x\.json: ENOENT/,
  )
})

test('a report on a signal, and the process id in its name', async () => {
  const source = `
    import { existsSync, readFileSync, rmSync } from 'node:fs'
    const { instance } = await WebAssembly.instantiate(readFileSync('tiny.wasm'))
    const file = 'signal-' + process.pid + '.json'
    for (let round = 0; round < 1000 && !existsSync(file); round++) {
      process.kill(process.pid, 'SIGUSR2')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    console.log(JSON.parse(readFileSync(file)).modules.length)
    instance.exports.malloc(1)`
  const ended = await preloaded(source, 'report=signal-%p.json,signal=SIGUSR2')
  expect(ended).toEqual({ stdout: '1\n', stderr: '', code: 0 })
})
