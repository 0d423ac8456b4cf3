/**
 * Where a hook's results go: files and standard error of Node.js. The program has ended, or goes on; either way its exit
 * code is its own, so a result that cannot be written is one line on standard error.
 */

/** What of Node.js is used, if this is Node.js: nothing is imported, so that bundlers find nothing to resolve. */
export interface NodeProcess {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly pid: number
  on(event: string, listener: () => void): void
  getBuiltinModule?: {
    (name: 'node:fs'): NodeFiles
    (name: 'node:worker_threads'): { readonly threadId: number }
  }
}

interface NodeFiles {
  writeFileSync(path: string, data: string | Uint8Array): void
  writeSync(descriptor: number, bytes: Uint8Array, offset: number): number
}

const STDERR = 2
/** A reader that is slow is waited for, one that is gone is not: 1000 waits of 2 ms. */
const MOST_WAITS = 1000
const WAIT_MS = 2

export class HookOutput {
  /** 0 for the main thread. */
  readonly thread: number
  readonly #pid: number
  readonly #files: NodeFiles | undefined

  constructor(process: NodeProcess | undefined) {
    this.#files = process?.getBuiltinModule?.('node:fs')
    this.thread = process?.getBuiltinModule?.('node:worker_threads').threadId ?? 0
    this.#pid = process?.pid ?? 0
  }

  /** The file that this thread of this process writes: `%p` becomes the process id, Workers add their number. */
  nameOf(file: string): string {
    const name = file.replaceAll('%p', String(this.#pid))
    return this.thread === 0 ? name : `${name}.thread-${this.thread}`
  }

  /** @param file - As the user gave it. @param number - From 2 on, added to the name. */
  write(file: string, data: string | Uint8Array, number = 1): void {
    const name = number < 2 ? this.nameOf(file) : `${this.nameOf(file)}.${number}`
    this.attempt(name, () => {
      if (this.#files === undefined) throw new Error('writing files needs Node.js 20.16')
      this.#files.writeFileSync(name, data)
    })
  }

  /** To standard error, whole, even where that is a pipe that is full for a moment. */
  print(text: string): void {
    const files = this.#files
    if (files === undefined) {
      console.error(text.trimEnd())
      return
    }
    const bytes = new TextEncoder().encode(text)
    let waits = 0
    for (let written = 0; written < bytes.length; ) {
      try {
        written += files.writeSync(STDERR, bytes, written)
      } catch (error) {
        if ((error as { code?: string }).code !== 'EAGAIN' || ++waits > MOST_WAITS) return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS)
      }
    }
  }

  /** Does something that must not reach the program. */
  attempt(what: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      this.print(`vmalloc preload: ${what}: ${words.replaceAll('\n', ' ')}\n`)
    }
  }
}
