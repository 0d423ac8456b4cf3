/**
 * The hooks of replace mode, one for each member of the family: C's argument order, signed words, and the way back to the
 * original for everything that our heap does not answer.
 */
import type { FoundFunction } from '../find/analysis.ts'
import type { NumberFunction } from './originals.ts'
import type { Replacement } from './replacement.ts'
import { TOO_BIG_BYTES } from './resizing.ts'

/** Page size that `valloc` promises: WebAssembly's. */
const WASM_PAGE_BYTES = 65536

/**
 * The hook for one function of the family. While an original runs, calls that come back go to the originals.
 *
 * @param original - The function's old body.
 */
export function familyHook(
  heap: Replacement,
  found: FoundFunction,
  original: NumberFunction,
): NumberFunction {
  const { originals, ledger } = heap
  const { role } = found
  const passOn = (first: number, second: number, third: number): number =>
    originals.call(original, first, second, third)
  const counted = ledger.callsByRole
  switch (role) {
    case 'malloc':
      return (size) => {
        if (originals.inside > 0) return original(size)
        counted.malloc++
        const address = heap.allocate(size >>> 0)
        return address === 0 ? passOn(size, 0, 0) : address
      }
    case 'free':
      return (address) => {
        if (address === 0) return
        if (originals.inside > 0) {
          original(address)
          return
        }
        counted.free++
        if (heap.pages.has(address)) heap.free(address >>> 0)
        else {
          ledger.foreign++
          passOn(address, 0, 0)
        }
      }
    case 'calloc':
      return (count, size) => {
        if (originals.inside > 0) return original(count, size)
        counted.calloc++
        const bytes = (count >>> 0) * (size >>> 0)
        const address = bytes >= TOO_BIG_BYTES ? 0 : heap.allocateZeroed(bytes)
        return address === 0 ? passOn(count, size, 0) : address
      }
    case 'realloc':
      return (address, size) => {
        if (originals.inside > 0) return original(address, size)
        counted.realloc++
        return heap.resizing.reallocate(address >>> 0, size >>> 0, original, size, 0)
      }
    case 'reallocarray':
      return (address, count, size) => {
        if (originals.inside > 0) return original(address, count, size)
        counted.reallocarray++
        const bytes = (count >>> 0) * (size >>> 0)
        // Too much for 32 bits: the original refuses, whatever the block.
        if (bytes > 0xffffffff) return passOn(0, count, size)
        return heap.resizing.reallocate(address >>> 0, bytes, original, count, size)
      }
    case 'memalign':
      return (alignment, size) => {
        if (originals.inside > 0) return original(alignment, size)
        counted.memalign++
        const address = heap.allocateAligned(alignment >>> 0, size >>> 0)
        return address === 0 ? passOn(alignment, size, 0) : address
      }
    case 'posix_memalign':
      return (result, alignment, size) => {
        if (originals.inside > 0) return original(result, alignment, size)
        counted.posix_memalign++
        const valid = alignment % 4 === 0 && (alignment & (alignment - 1)) === 0
        const address = valid ? heap.allocateAligned(alignment >>> 0, size >>> 0) : 0
        if (address === 0) return passOn(result, alignment, size)
        heap.memory.u32[result >>> 2] = address
        return 0
      }
    case 'valloc':
      return (size) => {
        if (originals.inside > 0) return original(size)
        counted.valloc++
        const address = heap.allocateAligned(WASM_PAGE_BYTES, size >>> 0)
        return address === 0 ? passOn(size, 0, 0) : address
      }
    case 'malloc_usable_size':
      return (address) => {
        if (originals.inside > 0) return original(address)
        counted.malloc_usable_size++
        if (address === 0) return 0
        return heap.pages.has(address) ? heap.usable(address >>> 0) : passOn(address, 0, 0)
      }
  }
}
