/** Emscripten with the library of docs/toolchains.md. Skipped where it is not installed. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Heap, HeapCorruptionError, wasmImports } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { programComposition } from '../../src/index.ts'
import { codeBlock } from './code-block.ts'

const installed = existsSync('/usr/bin/emcc')
const PROGRAM = `
#include <emscripten.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
EMSCRIPTEN_KEEPALIVE int work(int rounds) {
  int total = 0;
  for (int round = 0; round < rounds; round++) {
    int *numbers = calloc(100, sizeof(int));
    for (int i = 0; i < 100; i++) numbers[i] += i + 1;
    numbers = realloc(numbers, 1000 * sizeof(int));
    for (int i = 100; i < 1000; i++) numbers[i] = numbers[i - 100] + 1;
    char *text = strdup("a text to copy");
    void *aligned = memalign(256, 512);
    void *other = 0;
    if (posix_memalign(&other, 64, 100) || malloc_usable_size(text) < 15) return 0;
    total += numbers[999] + (int)strlen(text) + (int)((size_t)aligned % 256) + (int)((size_t)other % 64);
    free(other); free(aligned); free(text); free(numbers);
  }
  return total;
}
EMSCRIPTEN_KEEPALIVE void *fill(int size) { return memset(malloc(size), 7, size); }
EMSCRIPTEN_KEEPALIVE void overflow(void) { char *block = malloc(20); for (volatile int i = 0; i < 24; i++) block[i] = 1; free(block); }
`

interface Program {
  readonly HEAPU8: Uint8Array
  _work(rounds: number): number
  _fill(size: number): number
  _overflow(): void
}
type Family = (memory: WebAssembly.Memory, grow: (bytes: number) => number) => object
type Factory = (options: { wasmBinary: Uint8Array; vmalloc: Family }) => Promise<Program>

describe.skipIf(!installed)('Emscripten', { timeout: 120_000 }, () => {
  test('a program on our heap, its views after growth, an overflow in it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmalloc-emscripten-'))
    writeFileSync(join(folder, 'main.c'), PROGRAM)
    writeFileSync(join(folder, 'vmalloc.js'), codeBlock('emscripten-library'))
    const allocator = ['-sMALLOC=none', '--js-library', 'vmalloc.js', '-sINITIAL_MEMORY=6MB']
    const growth = ['-sALLOW_MEMORY_GROWTH=1', '-sMEMORY_GROWTH_GEOMETRIC_STEP=0']
    const output = ['-sMODULARIZE=1', '-sENVIRONMENT=node', '-o', 'main.cjs.js', 'main.c']
    execFileSync('emcc', ['-O2', '-fno-builtin', ...allocator, ...growth, ...output], {
      cwd: folder,
      env: { ...process.env, NODE_PATH: '/usr/share/nodejs' },
      stdio: 'pipe',
    })
    const create = createRequire(import.meta.url)(join(folder, 'main.cjs.js')) as Factory
    let heap: Heap | undefined
    const program = await create({
      wasmBinary: readFileSync(join(folder, 'main.cjs.wasm')),
      vmalloc: (memory, grow) =>
        wasmImports(
          () => (heap ??= Heap.create({ memory, grow, composition: programComposition })),
          { errno: 'wasi' },
        ),
    })
    // The last number is 100 plus nine times one.
    expect(program._work(50)).toBe(50 * (109 + 14))
    expect(heap?.stats().blocks).toBe(0)
    const before = program.HEAPU8.length
    const block = program._fill(3_000_000)
    expect(program.HEAPU8.length).toBeGreaterThan(before)
    expect(program.HEAPU8[block + 2_999_999]).toBe(7)
    heap?.check()
    expect(() => {
      program._overflow()
    }).toThrow(HeapCorruptionError)
  })
})
