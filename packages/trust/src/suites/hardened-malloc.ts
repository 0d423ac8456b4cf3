/** The programs of hardened_malloc's `test/`, by their names: `small` is 8 bytes, `large` 256 KiB. */
import type { Heap } from '@vmalloc/core'
import { answer, type SuiteCase } from './case.ts'

const SMALL = 8
const LARGE = 262_144

function zeroes(heap: Heap, address: number, size: number): 'harm' | 'harmless' {
  const { u8 } = heap.memory
  return u8.subarray(address, address + size).every((byte) => byte === 0) ? 'harmless' : 'harm'
}

function overflow(name: string, size: number, at: number, length = 1): SuiteCase {
  return {
    name,
    run: (heap) => {
      const address = heap.malloc(size)
      const { u8 } = heap.memory
      for (let i = 0; i < length; i++) u8[address + size + at + i] ^= 0xff
      heap.free(address)
      return 'harm'
    },
  }
}

function freed(
  name: string,
  size: number,
  use: (heap: Heap, address: number) => unknown,
): SuiteCase {
  return {
    name,
    run: (heap) => {
      const address = heap.malloc(size)
      heap.free(address)
      use(heap, address)
      return 'harm'
    },
  }
}

function pointer(name: string, at: (address: number) => number): SuiteCase {
  return {
    name,
    run: (heap) => {
      heap.free(at(heap.malloc(16)))
      return 'harm'
    },
  }
}

/** Harmless when nothing of the former owner can be read. */
function leftOver(name: string, size: number): SuiteCase {
  return answer(name, (heap) => {
    const address = heap.malloc(size)
    heap.memory.u8.fill(0x41, address, address + size)
    heap.free(address)
    const again = heap.malloc(size)
    return !heap.memory.u8.subarray(again, again + size).includes(0x41)
  })
}

function written(name: string, size: number, reuse: boolean): SuiteCase {
  return freed(name, size, (heap, address) => {
    heap.memory.u8[address + 4] ^= 1
    if (reuse) for (let i = 0; i < 2000; i++) heap.free(heap.malloc(size))
  })
}

/** A view is bounded by its block: what would be an overflow in C writes nothing, or throws. */
function bounded(name: string, write: (view: Uint8Array) => void): SuiteCase {
  return {
    name,
    run: (heap) => {
      const address = heap.malloc(16)
      const before = heap.memory.u8.slice(address + heap.usableSize(address))
      write(heap.view(address, Uint8Array, 16))
      const after = heap.memory.u8.subarray(address + heap.usableSize(address))
      return before.every((byte, i) => byte === after[i]) ? 'harmless' : 'harm'
    },
  }
}

export const HARDENED_MALLOC: readonly SuiteCase[] = [
  answer('calloc_overflow', (heap) => heap.calloc(2 ** 31, 4) === 0),
  answer('reallocarray_overflow', (heap) => heap.realloc(heap.malloc(8), 2 ** 31 * 4) === 0),
  {
    name: 'calloc_zeroed',
    run: (heap) => {
      for (const size of [SMALL, 1000, LARGE]) {
        const address = heap.malloc(size)
        heap.memory.u8.fill(0x41, address, address + size)
        heap.free(address)
        const again = heap.calloc(1, size)
        if (zeroes(heap, again, size) === 'harm') return 'harm'
      }
      return 'harmless'
    },
  },
  answer('impossibly_large_malloc', (heap) => heap.malloc(2 ** 52) === 0),
  answer('impossibly_large_realloc', (heap) => heap.realloc(heap.malloc(16), 2 ** 52) === 0),
  answer('malloc_zero_different', (heap) => {
    const address = heap.malloc(0)
    return heap.malloc(0) !== address
  }),
  answer('aligned_alloc_zero_size', (heap) => heap.alignedAlloc(0, 64) % 64 === 0),
  {
    name: 'aligned_alloc_einval',
    run: (heap) => (heap.alignedAlloc(64, 3) === 0 ? 'harmless' : 'harm'),
  },
  answer('posix_memalign_einval', (heap) => {
    const result = heap.malloc(4)
    return heap.wasmImports().posix_memalign(result, 3, 100) === 22
  }),
  answer('malloc_object_size', (heap) => heap.usableSize(heap.malloc(16)) >= 16),
  answer('malloc_noreuse', (heap) => {
    const address = heap.malloc(LARGE)
    heap.free(address)
    return heap.malloc(LARGE) !== address
  }),
  answer('large_array_growth', (heap) => {
    let address = heap.malloc(1)
    for (let size = 1; size <= 2 ** 20; size += 8191) address = heap.realloc(address, size)
    heap.free(address)
    return heap.stats().live === 0
  }),
  freed('double_free_small', SMALL, (heap, address) => heap.free(address)),
  freed('double_free_large', LARGE, (heap, address) => heap.free(address)),
  ...[SMALL, LARGE].map((size) =>
    freed(`double_free_${size === SMALL ? 'small' : 'large'}_delayed`, size, (heap, address) => {
      heap.free(heap.malloc(size + 4096))
      heap.free(address)
    }),
  ),
  freed('quarantine_double_free_extended', SMALL, (heap, address) => {
    for (let i = 0; i < 200; i++) heap.free(heap.malloc(SMALL))
    heap.free(address)
  }),
  freed('quarantine_write_after_free_extended_reuse', SMALL, (heap, address) => {
    heap.memory.u8[address + 4] ^= 1
    for (let i = 0; i < 2000; i++) heap.free(heap.malloc(SMALL))
  }),
  freed('invalid_malloc_usable_size_small_quarantine', SMALL, (heap, address) =>
    heap.usableSize(address),
  ),
  pointer('invalid_malloc_usable_size_small_unused', (address) => address + 64 * 200),
  pointer('invalid_free_protected', () => 0x7fff_0000),
  pointer('invalid_free_unprotected', () => 2048),
  pointer('invalid_free_small_region', (address) => address + 512 * 16),
  pointer('invalid_free_small_region_far', (address) => address + 2 ** 28),
  freed('realloc_c23_undefined_behaviour_double_free', 16, (heap, address) =>
    heap.realloc(address, 32),
  ),
  pointer('unaligned_free_small', (address) => address + 1),
  {
    name: 'unaligned_free_large',
    run: (heap) => {
      heap.free(heap.malloc(LARGE) + 1)
      return 'harm'
    },
  },
  {
    name: 'unaligned_malloc_usable_size_small',
    run: (heap) => (heap.usableSize(heap.malloc(16) + 1) > 0 ? 'harm' : 'harmless'),
  },
  pointer('uninitialized_free', () => 16),
  {
    name: 'uninitialized_malloc_usable_size',
    run: (heap) => (heap.usableSize(16) > 0 ? 'harm' : 'harmless'),
  },
  {
    name: 'uninitialized_realloc',
    run: (heap) => (heap.realloc(16, 16) > 0 ? 'harm' : 'harmless'),
  },
  answer('realloc_init', (heap) => {
    const address = heap.realloc(0, 16)
    heap.free(address)
    return address > 0
  }),
  leftOver('uninitialized_read_small', SMALL),
  leftOver('uninitialized_read_large', LARGE),
  ...[SMALL, LARGE].flatMap((size) => {
    const name = `write_after_free_${size === SMALL ? 'small' : 'large'}`
    return [written(name, size, false), written(`${name}_reuse`, size, true)]
  }),
  overflow('write_zero_size', 0, 0),
  overflow('string_overflow', 16, 0, 12),
  overflow('overflow_small_1_byte', SMALL, 0),
  overflow('overflow_small_8_byte', SMALL, 0, 8),
  overflow('overflow_large_1_byte', LARGE, 0),
  overflow('overflow_large_8_byte', LARGE, 0, 8),
  {
    name: 'overflow_large_aligned',
    run: (heap) => {
      const address = heap.alignedAlloc(LARGE, 4096)
      heap.memory.u8[address + heap.usableSize(address)] ^= 1
      heap.free(address)
      return 'harm'
    },
  },
  {
    name: 'overflow_realloc_shrink_large',
    run: (heap) => {
      const address = heap.realloc(heap.malloc(LARGE * 2), LARGE)
      heap.memory.u8[address + heap.usableSize(address)] ^= 1
      heap.free(address)
      return 'harm'
    },
  },
  bounded('memset_buffer_overflow', (view) => view.fill(1, 0, 17)),
  bounded('memcpy_buffer_overflow', (view) => view.set(new Uint8Array(17))),
  bounded('memmove_buffer_overflow', (view) => view.copyWithin(1, 0, 16)),
]

/** A read leaves no mark. */
export const HARDENED_MALLOC_READS: readonly string[] = [
  'read_after_free_small',
  'read_after_free_large',
  'read_after_realloc_shrink_large',
  'read_zero_size',
  'memcpy_read_overflow',
  'memmove_read_overflow',
]

export const HARDENED_MALLOC_OPEN: readonly string[] = [
  'delete_type_size_mismatch, *_sized_delete_*, free_sized_*: there is no sized free',
  'mallinfo*, malloc_info, pvalloc, offset, malloc_object_size_offset: interfaces of glibc and of OpenBSD',
]
