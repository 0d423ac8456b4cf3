/** The npm programs that the proofs run: unmodified, loaded the way their users load them. */
import { createHash, type Hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** A program ready to work. */
export interface Loaded {
  /** Does `scale` units of work. @returns A digest of all results. */
  run(scale: number): string
  /** The program's own memory and its malloc and free, where it shows them: for planted errors. */
  readonly native?: {
    readonly u8: () => Uint8Array
    readonly malloc: (size: number) => number
    readonly free: (address: number) => void
    /** Makes the program itself write so many bytes. */
    readonly write: (address: number, bytes: number) => void
  }
}

export interface Program {
  readonly name: string
  /** Path of the .wasm file. */
  readonly wasm: string
  /** Instantiates the program through whatever `WebAssembly` is at the moment. */
  load(): Promise<Loaded>
}

/** A file of an installed package, whatever its `exports` say. */
export function fileOf(path: string): string {
  return join(import.meta.dirname, '../../node_modules', path)
}

export function bytesOf(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(fileOf(path)))
}

const require = createRequire(import.meta.url)

/** Loads a CommonJS file anew: packages that keep one module for ever instantiate again. */
export function requireFresh(path: string): unknown {
  const file = require.resolve(fileOf(path))
  delete require.cache[file]
  return require(file)
}

export function digest(): Hash {
  return createHash('sha256')
}

/** xorshift32: the same numbers in every run. */
export function random(seed: number): () => number {
  let x = seed
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x >>> 0
  }
}
