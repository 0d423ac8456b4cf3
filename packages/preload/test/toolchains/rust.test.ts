/** Rust with the allocator of docs/toolchains.md. Skipped where rustc has no WebAssembly target. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Heap, wasmImports } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { programComposition } from '../../src/index.ts'
import { codeBlock } from './code-block.ts'

// Debian's: another rustc on the path has a library of its own, without this target as a rule.
const RUSTC = '/usr/bin/rustc'
const installed = existsSync(RUSTC) && existsSync('/usr/lib/rustlib/wasm32-unknown-unknown')
const PROGRAM = `
mod vmalloc;
use std::collections::HashMap;

#[repr(align(256))]
struct Aligned([u8; 512]);

#[no_mangle]
pub extern "C" fn work(rounds: u32) -> u32 {
    let mut total = 0u32;
    for round in 0..rounds {
        let mut words: HashMap<String, Vec<u32>> = HashMap::new();
        for i in 0..500u32 {
            words.entry(format!("word {}", (i * 7919 + round) % 97)).or_default().push(i);
        }
        let aligned: Vec<Aligned> = (0..3).map(|value| Aligned([value; 512])).collect();
        for each in &aligned {
            if each as *const Aligned as usize % 256 != 0 || each.0[511] > 2 { return 0; }
        }
        let zeroed = vec![0u8; 5000];
        if zeroed.iter().any(|byte| *byte != 0) { return 0; }
        total += words.values().map(|list| list.iter().sum::<u32>()).sum::<u32>();
    }
    total
}

#[no_mangle]
pub extern "C" fn leak() { std::mem::forget(vec![7u8; 1234]); }

#[no_mangle]
pub extern "C" fn overflow() {
    let mut block = vec![1u8; 20];
    unsafe { block.as_mut_ptr().add(20).write_bytes(9, 4); }
}
`

interface Exports {
  readonly memory: WebAssembly.Memory
  work(rounds: number): number
  leak(): void
  overflow(): void
}

describe.skipIf(!installed)('Rust', { timeout: 120_000 }, () => {
  test('collections on our heap, a leak and an overflow in them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmalloc-rust-'))
    writeFileSync(join(folder, 'lib.rs'), PROGRAM)
    writeFileSync(join(folder, 'vmalloc.rs'), codeBlock('rust-allocator'))
    const flags = ['--target', 'wasm32-unknown-unknown', '-O', '--crate-type', 'cdylib']
    execFileSync(RUSTC, [...flags, '-o', 'main.wasm', 'lib.rs'], { cwd: folder })
    let heap: Heap | undefined
    const made = (): Heap => {
      heap ??= Heap.create({ memory: program.memory, composition: programComposition })
      return heap
    }
    const module = new WebAssembly.Module(readFileSync(join(folder, 'main.wasm')))
    const instance = new WebAssembly.Instance(module, { vmalloc: { ...wasmImports(made) } })
    const program = instance.exports as unknown as Exports
    // 0 + 1 + ... + 499, in each round.
    expect(program.work(20)).toBe(20 * 124_750)
    expect(made().stats().blocks).toBe(0)
    program.leak()
    expect(made().stats().blocks).toBe(1)
    expect(made().stats().live).toBeGreaterThanOrEqual(1234)
    made().check()
    expect(() => {
      program.overflow()
    }).toThrow(/overwritten/)
  })
})
