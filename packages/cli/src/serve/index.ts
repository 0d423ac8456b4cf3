/**
 * Shows the heap of a running program in a browser on the same machine, read-only.
 *
 * @packageDocumentation
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Heap } from '@vmalloc/core'
import { type WebSocket, WebSocketServer } from 'ws'
import { Answers, BadRequestError } from './answers.ts'
import { Gate } from './gate.ts'
import { type PageFile, readPage } from './page.ts'

/** How a heap is served. */
export interface ServeOptions {
  /**
   * Port on 127.0.0.1.
   * @defaultValue 0: any that is free
   */
  readonly port?: number
  /**
   * What the page calls it.
   * @defaultValue the program's name and process id
   */
  readonly title?: string
  /** Bytes asked for by the block at a payload address, 0 when that is not known: then the page shows slack. */
  readonly requested?: (payload: number) => number
  /**
   * Whether the server keeps the process alive.
   * @defaultValue false: a program that has nothing else to do ends, and the page says so
   */
  readonly hold?: boolean
  /** Folder with the built page, instead of the one that comes with this package. */
  readonly page?: string
}

/** A heap that is being served. */
export interface HeapServer {
  /** What to open, with the token: whoever has it can look. */
  readonly url: string
  /** Ends all connections. */
  close(): Promise<void>
}

const HOST = '127.0.0.1'
/** Requests are short; whoever sends more means something else. */
const MAX_REQUEST_BYTES = 256
/** Of WebSocket: the message breaks the rules. */
const POLICY_VIOLATION = 1008
const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const

/**
 * Serves a heap of this process to a browser on this machine. Nothing that is sent to the server can change the heap.
 *
 * @returns When it listens. Each look of a page costs the program one walk of the heap.
 * @throws Error when the port is taken.
 *
 * @example
 * ```ts
 * import { serve } from '@vmalloc/cli/serve'
 * import { Heap } from '@vmalloc/core'
 *
 * const heap = Heap.create()
 * const server = await serve(heap)
 * server.url.startsWith('http://127.0.0.1:') // => true
 * ```
 */
export async function serve(heap: Heap, options: ServeOptions = {}): Promise<HeapServer> {
  const { port = 0, title = `${process.title}, process ${process.pid}`, hold = false } = options
  const files = readPage(options.page)
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, resolve)
  })
  const address = server.address() as AddressInfo
  const gate = new Gate(address.port)
  const answers = new Answers(heap, title, options)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_REQUEST_BYTES })
  server.on('request', (request, response) => answerPage(gate, files, request, response))
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!gate.admitsSocket(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => answerSocket(answers, client))
  })
  if (!hold) {
    server.unref()
    server.on('connection', (socket) => socket.unref())
  }
  return {
    url: `http://${HOST}:${address.port}/${gate.token}/`,
    close: async () => {
      for (const client of sockets.clients) client.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function answerPage(
  gate: Gate,
  files: ReadonlyMap<string, PageFile>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = gate.pathOf(request)
  const end = (status: number, words: string): void => {
    response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain' }).end(words)
  }
  const file = path === undefined ? undefined : files.get(path)
  // One answer for every reason: it does not say how near a guess was.
  if (path === undefined) end(403, 'forbidden\n')
  else if (request.method !== 'GET' && request.method !== 'HEAD') end(405, 'read only\n')
  else if (file === undefined) end(404, 'no such file\n')
  else {
    response.writeHead(200, { ...HEADERS, 'Content-Type': file.type })
    response.end(request.method === 'HEAD' ? undefined : file.content)
  }
}

function answerSocket(answers: Answers, client: WebSocket): void {
  // What is too long, or no WebSocket at all, closes the connection; there is nobody to tell.
  client.on('error', () => client.terminate())
  client.on('message', (message, binary) => {
    try {
      if (binary) throw new BadRequestError('a request is text')
      // Text comes as one Buffer: `binaryType` is what it is by default.
      client.send(answers.to((message as Buffer).toString('utf8')))
    } catch (error) {
      if (!(error instanceof BadRequestError)) throw error
      client.close(POLICY_VIOLATION, error.message)
    }
  })
}
