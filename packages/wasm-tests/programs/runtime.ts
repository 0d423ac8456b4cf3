// The runtime of an AssemblyScript program whose memory comes from imports: the collector stays, the allocator goes.
//
// The collector reads the size of a block from the word before it, as its own allocator writes it there. So each block
// begins with 16 bytes of which the last word says how many follow.
@external("env", "malloc")
declare function malloc(size: usize): usize
@external("env", "realloc")
declare function realloc(address: usize, size: usize): usize
@external("env", "free")
declare function free(address: usize): void
@external("env", "malloc_usable_size")
declare function malloc_usable_size(address: usize): usize

// @ts-ignore: decorator
@inline const HEAD: usize = 16

function withHead(address: usize): usize {
  if (address == 0) unreachable()
  store<usize>(address + HEAD - sizeof<usize>(), (malloc_usable_size(address) - HEAD) & ~3)
  return address + HEAD
}

@global @unsafe
export function __alloc(size: usize): usize {
  return withHead(malloc(HEAD + size))
}

@global @unsafe
export function __realloc(address: usize, size: usize): usize {
  return withHead(realloc(address - HEAD, HEAD + size))
}

@global @unsafe
export function __free(address: usize): void {
  // Below the heap lie the static data of the program.
  if (address >= __heap_base) free(address - HEAD)
}

import "rt/itcms"
