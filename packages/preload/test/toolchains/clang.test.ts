/** C through clang and wasi-libc with the shim of docs/toolchains.md. Skipped where they are not installed. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Heap, HeapCorruptionError, wasmImports } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { programComposition } from '../../src/index.ts'
import { codeBlock } from './code-block.ts'

const installed = existsSync('/usr/bin/clang') && existsSync('/usr/lib/wasm32-wasi/libc.a')
const PROGRAM = `
#include <stdlib.h>
#include <string.h>
static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int work(int rounds) {
  int total = 0;
  for (int round = 0; round < rounds; round++) {
    int *numbers = calloc(100, sizeof(int));
    for (int i = 0; i < 100; i++) numbers[i] += (i * 7919 + round) % 1009;
    numbers = realloc(numbers, 1000 * sizeof(int));
    for (int i = 100; i < 1000; i++) numbers[i] = numbers[i - 100] + 1;
    qsort(numbers, 1000, sizeof(int), by_value);
    char *text = strdup("a text to copy");
    void *aligned = aligned_alloc(256, 512);
    total += numbers[500] + (int)strlen(text) + (int)((size_t)aligned % 256);
    free(aligned); free(text); free(numbers);
  }
  return total;
}
int overflow(void) { char *block = malloc(20); for (volatile int i = 0; i < 24; i++) block[i] = 1; free(block); return 0; }
`

describe.skipIf(!installed)('clang and wasi-libc', { timeout: 60_000 }, () => {
  test('a program on our heap, and an overflow in it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmalloc-clang-'))
    writeFileSync(join(folder, 'main.c'), PROGRAM)
    writeFileSync(join(folder, 'vmalloc.c'), codeBlock('clang-shim'))
    const flags = ['--target=wasm32-wasi', '-O2', '-fno-builtin-malloc', '-mexec-model=reactor']
    const exports = ['-Wl,--export=work', '-Wl,--export=overflow', '-nodefaultlibs', '-lc']
    execFileSync('clang', [...flags, ...exports, '-o', 'main.wasm', 'vmalloc.c', 'main.c'], {
      cwd: folder,
    })
    const module = new WebAssembly.Module(readFileSync(join(folder, 'main.wasm')))
    let heap: Heap | undefined
    const made = (): Heap => {
      const memory = instance.exports['memory'] as WebAssembly.Memory
      heap ??= Heap.create({ memory, composition: programComposition })
      return heap
    }
    const instance: WebAssembly.Instance = new WebAssembly.Instance(module, {
      vmalloc: { ...wasmImports(made, { errno: 'wasi' }) },
    })
    const program = instance.exports as unknown as {
      work(rounds: number): number
      overflow(): number
    }
    expect(program.work(50)).toBeGreaterThan(0)
    expect(made().stats().blocks).toBe(0)
    made().check()
    expect(() => program.overflow()).toThrow(HeapCorruptionError)
  })
})
