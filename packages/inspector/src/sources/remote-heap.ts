/**
 * The heap of another process on this machine, served by `vmalloc serve`. The page can ask for a look and for bytes;
 * there is nothing else that the other side would answer.
 */
import type { HeapStats } from '@vmalloc/core'
import { decodeMap } from '@vmalloc/core/map'
import type { BytesOf, Moment, Source } from './source.ts'

/** What stands before the bytes of an answer. */
type Head =
  | {
      readonly id: number
      readonly kind: 'moment'
      readonly title: string
      readonly stats: HeapStats
    }
  | { readonly id: number; readonly kind: 'bytes' }
  | { readonly id: number; readonly kind: 'unsteady'; readonly message: string }

interface Answer {
  readonly head: Head
  readonly content: Uint8Array
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** The address of the heap that this page was served with, if it was. */
export function servedHeap(): URL | undefined {
  const hint = document.querySelector<HTMLMetaElement>('meta[name=vmalloc-heap]')
  if (hint === null) return undefined
  const url = new URL(hint.content, location.href)
  url.protocol = 'ws:'
  return url
}

export class RemoteHeap implements Source {
  readonly live: boolean = true
  title: string = 'A process on this machine'
  ended: string | undefined
  readonly #socket: WebSocket
  readonly #open: Promise<void>
  readonly #waiting: Map<number, Waiting> = new Map()
  #id = 0

  constructor(url: URL) {
    const socket = new WebSocket(url)
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    this.#open = new Promise((resolve) => {
      socket.addEventListener('open', () => resolve())
      socket.addEventListener('close', () => resolve())
    })
    socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => {
      const answer = answerIn(new Uint8Array(data))
      this.#waiting.get(answer.head.id)?.resolve(answer)
      this.#waiting.delete(answer.head.id)
    })
    socket.addEventListener('close', ({ reason }) => this.#end(reason))
  }

  async look(): Promise<Moment | undefined> {
    const { head, content } = await this.#ask({ ask: 'look' })
    if (head.kind !== 'moment') return undefined
    this.title = head.title
    return { columns: decodeMap(content), stats: head.stats }
  }

  readonly bytes: BytesOf = async (address, length) => {
    // Of a process that has ended nothing is known any more.
    if (this.ended !== undefined) return new Uint8Array(0)
    const { content } = await this.#ask({ ask: 'bytes', address, length })
    return content
  }

  async #ask(request: object): Promise<Answer> {
    await this.#open
    if (this.ended !== undefined) throw new Error(this.ended)
    const id = ++this.#id
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#socket.send(JSON.stringify({ id, ...request }))
    })
  }

  #end(reason: string): void {
    const words = reason === '' ? '' : ` (${reason})`
    this.ended = `The process has ended, or the connection has${words}. This is the last that was seen of it.`
    for (const { reject } of this.#waiting.values()) reject(new Error(this.ended))
    this.#waiting.clear()
  }
}

function answerIn(bytes: Uint8Array): Answer {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + length))
  return { head: JSON.parse(text) as Head, content: bytes.slice(4 + length) }
}
