/**
 * Who may look at a served heap: whoever knows the token, from this machine, from the page that is served with it.
 *
 * - The token is the first part of every path, so the page's own relative addresses carry it.
 * - A page of another site can reach 127.0.0.1 too: its Origin gives it away. A name that a foreign server lets point
 *   here (DNS rebinding) is in the Host header, and is not one of ours.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const TOKEN_BYTES = 24

export class Gate {
  readonly token: string = randomBytes(TOKEN_BYTES).toString('base64url')
  readonly #hosts: readonly string[]

  constructor(port: number) {
    this.#hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
  }

  /** @returns The path behind the token, or `undefined` for a request that is to be refused. */
  pathOf({ headers, url = '' }: IncomingMessage): string | undefined {
    if (!this.#hosts.includes(headers.host ?? '')) return undefined
    const { origin } = headers
    if (origin !== undefined && !this.#isOurs(origin)) return undefined
    const [, token = '', path] = /^\/([^/?#]*)\/([^?#]*)/.exec(url) ?? []
    return path !== undefined && isSame(token, this.token) ? path : undefined
  }

  /** Whether a WebSocket may be opened: a browser always says who asks, and others can. */
  admitsSocket(request: IncomingMessage): boolean {
    return this.#isOurs(request.headers.origin ?? '') && this.pathOf(request) === 'heap'
  }

  #isOurs(origin: string): boolean {
    return this.#hosts.some((host) => origin === `http://${host}`)
  }
}

/** Compares in time that says nothing of how much was right. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
