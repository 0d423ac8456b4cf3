/** Who gets an answer from a served heap, and who does not; and that nobody can change it. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Heap } from '@vmalloc/core'
import { decodeMap, totalsOf } from '@vmalloc/core/map'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type HeapServer, serve } from '../../src/serve/index.ts'

const page = mkdtempSync(join(tmpdir(), 'vmalloc-page-'))
writeFileSync(join(page, 'index.html'), '<!doctype html><head></head><p>page</p>')
writeFileSync(join(page, 'secret.txt'), 'not of the page')

const heap = Heap.create()
const block = heap.allocString('what lies there')
let server: HeapServer

beforeAll(async () => {
  server = await serve(heap, { page, title: 'a test', requested: () => 16 })
})
afterAll(() => server.close())

interface Reply {
  readonly status: number
  readonly text: string
}

/** Asks as anything can that speaks HTTP, with headers of its own. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  const { port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers, method }, (response) => {
      let text = ''
      response.on('data', (part) => {
        text += String(part)
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

const origin = (): string => new URL(server.url).origin
const path = (): string => new URL(server.url).pathname

function dial(to: string, from: string | undefined): Promise<WebSocket> {
  const url = `${origin().replace('http', 'ws')}${to}`
  const socket = new WebSocket(url, from === undefined ? {} : { origin: from })
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

interface Answer {
  readonly head: Record<string, unknown>
  readonly content: Uint8Array
}

function ask(socket: WebSocket, message: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    socket.once('message', (data: Buffer) => {
      const length = data.readUInt32LE(0)
      const head = JSON.parse(data.toString('utf8', 4, 4 + length)) as Record<string, unknown>
      resolve({ head, content: data.subarray(4 + length) })
    })
    socket.once('close', (code, reason) => reject(new Error(`${code} ${String(reason)}`)))
    socket.send(JSON.stringify(message))
  })
}

describe('the page', () => {
  test('is given to who knows the token, with a hint of the heap', async () => {
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    expect(path()).toMatch(/^\/[\w-]{32}\/$/)
    const { status, text } = await get(path())
    expect([status, text]).toEqual([200, expect.stringContaining('name="vmalloc-heap"')])
  })

  test.each<[string, () => [string, Record<string, string>?, string?], number]>([
    ['no token', () => ['/'], 403],
    ['no token, a file', () => ['/index.html'], 403],
    ['a wrong token', () => [path().replace(/.\/$/, '_/')], 403],
    ['half a token', () => [`${path().slice(0, 10)}/`], 403],
    ['a foreign host', () => [path(), { host: 'evil.example' }], 403],
    ['a foreign origin', () => [path(), { origin: 'http://evil.example' }], 403],
    [
      'an origin of the same host, another port',
      () => [path(), { origin: 'http://127.0.0.1:1' }],
      403,
    ],
    ['a file outside', () => [`${path()}../serve.test.ts`], 404],
    ['a file that is no page', () => [`${path()}secret.txt`], 404],
    ['POST', () => [path(), {}, 'POST'], 405],
    ['PUT', () => [`${path()}index.html`, {}, 'PUT'], 405],
  ])('refused: %s', async (_, how, status) => {
    expect(await get(...how())).toMatchObject({ status })
  })
})

describe('the heap', () => {
  test('a look: map, statistics, title; and bytes of a block', async () => {
    const socket = await dial(`${path()}heap`, origin())
    const look = await ask(socket, { id: 7, ask: 'look' })
    expect(look.head).toMatchObject({
      id: 7,
      kind: 'moment',
      title: 'a test',
      stats: { blocks: 1 },
    })
    expect(totalsOf(decodeMap(look.content))).toMatchObject({ small: 16 })
    const { content } = await ask(socket, { id: 8, ask: 'bytes', address: block, length: 15 })
    expect(String(Buffer.from(content))).toBe('what lies there')
    const { content: none } = await ask(socket, {
      id: 9,
      ask: 'bytes',
      address: 2 ** 32,
      length: 9,
    })
    expect(none).toHaveLength(0)
    socket.terminate()
  })

  test.each<[string, () => [string, string | undefined]]>([
    ['no token', () => ['/heap', origin()]],
    ['a wrong token', () => [`${path().replace(/.\/$/, '_/')}heap`, origin()]],
    ['a foreign origin', () => [`${path()}heap`, 'http://evil.example']],
    ['no origin', () => [`${path()}heap`, undefined]],
    ['another path', () => [`${path()}shell`, origin()]],
  ])('refused: %s', async (_, how) => {
    await expect(dial(...how())).rejects.toThrow('403')
  })

  test.each<[string, object | string]>([
    ['a write', { id: 1, ask: 'write', address: block, bytes: [1, 2, 3] }],
    ['a free', { id: 1, ask: 'free', address: block }],
    ['bytes without end', { id: 1, ask: 'bytes', address: 0, length: 2 ** 30 }],
    ['bytes before the memory', { id: 1, ask: 'bytes', address: -8, length: 8 }],
    ['no number', { ask: 'look' }],
  ])('refused, and the connection closed: %s', async (_, message) => {
    const before = Buffer.from(heap.memory.u8)
    const socket = await dial(`${path()}heap`, origin())
    await expect(ask(socket, message as object)).rejects.toThrow('1008')
    expect(before.equals(heap.memory.u8)).toBe(true)
  })

  test('what is no request at all closes the connection, and the server goes on', async () => {
    for (const nonsense of ['', '[]', 'null', '{', 'x'.repeat(10_000), Buffer.from([1, 2, 3])]) {
      const socket = await dial(`${path()}heap`, origin())
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.send(nonsense)
      await closed
    }
    expect(await get(path())).toMatchObject({ status: 200 })
  })

  test('of threads: a look while a thread holds the lock says so, instead of waiting for ever', async () => {
    const shared = Heap.create({ shared: true, maximum: 2 ** 22 })
    const holder = new Worker(HOLDER, {
      eval: true,
      workerData: shared.handle,
      execArgv: ['--conditions=@vmalloc/source'],
    })
    const other = await serve(shared, { page })
    try {
      await new Promise((resolve, reject) => {
        holder.once('message', resolve)
        holder.once('error', reject)
      })
      const at = new URL(other.url)
      const socket = new WebSocket(`ws://${at.host}${at.pathname}heap`, { origin: at.origin })
      await new Promise((resolve) => socket.once('open', resolve))
      const { head } = await ask(socket, { id: 1, ask: 'look' })
      expect(head).toMatchObject({
        kind: 'unsteady',
        message: expect.stringContaining('holds the'),
      })
      socket.terminate()
    } finally {
      await holder.terminate()
      await other.close()
    }
  })
})

/** Attaches, enters a walk, which holds the lock, says so, and never leaves. */
const HOLDER = `
  import('@vmalloc/core').then(({ Heap }) => {
    const { workerData, parentPort } = require('node:worker_threads')
    Heap.attach(workerData).walk(() => {
      parentPort.postMessage('inside')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })
  })
`
