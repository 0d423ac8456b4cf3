/** `Allocator` of the package malloc on a fixed buffer: it cannot grow and has no realloc. */
import { createRequire } from 'node:module'
import type { Open } from './contender.ts'

interface Allocator {
  alloc(size: number): number
  free(address: number): number
  sizeOf(address: number): number
}

const LIMIT_BYTES = 2 ** 30
/** CommonJS without types. */
const Allocator = createRequire(import.meta.url)('malloc') as new (buffer: ArrayBuffer) => Allocator

class Codemix {
  readonly allocator: Allocator

  constructor(buffer: ArrayBuffer) {
    this.allocator = new Allocator(buffer)
  }

  malloc(size: number): number {
    return this.allocator.alloc(size)
  }

  free(address: number): void {
    this.allocator.free(address)
  }
}

export const open: Open = ({ maximum }) => {
  const buffer = new ArrayBuffer(Math.min(maximum, LIMIT_BYTES))
  const heap = new Codemix(buffer)
  const bytes = new Uint8Array(buffer)
  return { heap, bytes: () => bytes, usable: (address) => heap.allocator.sizeOf(address) }
}
