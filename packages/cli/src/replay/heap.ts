/** What a replay needs of a heap: `Heap` of `@vmalloc/core` has it, a test may bring its own. */

/** The family, the figures and the check. */
export interface ReplayHeap {
  malloc(size: number): number
  calloc(count: number, size: number): number
  realloc(address: number, size: number): number
  alignedAlloc(size: number, alignment: number): number
  free(address: number): void
  usableSize(address: number): number
  check(): void
  stats(): HeapFigures
  readonly memory: HeapViews
}

/** Bytes: mapped now and at most, payload in live blocks. */
export interface HeapFigures {
  readonly mapped: number
  readonly peakMapped: number
  readonly live: number
}

/** The current views; growth replaces them, so they are read anew for each use. */
export interface HeapViews {
  readonly u8: Uint8Array
  readonly u32: Uint32Array
}
