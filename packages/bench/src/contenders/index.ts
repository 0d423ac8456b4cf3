/** All contenders. The first is the one that every ratio refers to. */
import type { ContenderEntry } from './contender.ts'

export const OURS = 'vmalloc'

export const CONTENDERS: readonly ContenderEntry[] = [
  {
    name: OURS,
    role: 'ours',
    about: 'default preset, one thread, marks and checks on',
    file: 'vmalloc.ts',
    load: () => import('./vmalloc.ts'),
  },
  {
    name: 'vmalloc-classic',
    role: 'ours',
    about: 'preset of the C original: 32-byte marks, powers of two',
    file: 'vmalloc-classic.ts',
    load: () => import('./vmalloc-classic.ts'),
  },
  {
    name: 'vmalloc-shared',
    role: 'ours',
    about: 'default preset on shared memory, with its lock',
    file: 'vmalloc-shared.ts',
    load: () => import('./vmalloc-shared.ts'),
  },
  {
    name: 'vmalloc-sampled',
    role: 'ours',
    about: 'preset sampled: one allocation in a thousand is guarded; no call stacks',
    file: 'vmalloc-sampled.ts',
    load: () => import('./vmalloc-sampled.ts'),
    tasks: ['traces'],
  },
  {
    name: 'vmalloc-debug',
    role: 'ours',
    about: 'preset debug: every block is guarded; no call stacks',
    file: 'vmalloc-debug.ts',
    load: () => import('./vmalloc-debug.ts'),
    tasks: ['traces'],
  },
  {
    name: 'unmarked',
    role: 'floor',
    about: 'the default composition with marks that only remember the size: nothing is checked',
    file: 'unmarked.ts',
    load: () => import('./unmarked.ts'),
    tasks: ['traces', 'pairs-16', 'churn-small', 'churn-medium'],
  },
  {
    name: 'composed',
    role: 'ours',
    about: 'layers put together for the work that fused does: buddy, no ready blocks',
    file: 'composed.ts',
    load: () => import('./composed.ts'),
    tasks: ['pairs-16', 'churn-small', 'churn-medium'],
  },
  {
    name: 'fused',
    role: 'ceiling',
    about: 'by hand as one class: the work of composed',
    file: 'fused.ts',
    load: () => import('./fused.ts'),
  },
  {
    name: 'thi.ng',
    role: 'rival',
    about: 'JavaScript, first fit over sorted lists',
    package: '@thi.ng/malloc',
    file: 'thing.ts',
    load: () => import('./thing.ts'),
  },
  {
    name: 'codemix',
    role: 'rival',
    about: 'JavaScript, skip list of free blocks',
    package: 'malloc',
    file: 'codemix.ts',
    load: () => import('./codemix.ts'),
  },
  {
    name: 'assemblyscript',
    role: 'rival',
    about: 'TLSF of the AssemblyScript runtime, WebAssembly',
    package: 'assemblyscript',
    file: 'assemblyscript.ts',
    load: () => import('./assemblyscript.ts'),
  },
  {
    name: 'harfbuzzjs',
    role: 'rival',
    about: 'dlmalloc (Emscripten), WebAssembly',
    package: 'harfbuzzjs',
    file: 'harfbuzz.ts',
    load: () => import('./harfbuzz.ts'),
  },
  {
    name: 'sqlite-wasm',
    role: 'rival',
    about: 'dlmalloc (Emscripten), WebAssembly',
    package: '@sqlite.org/sqlite-wasm',
    file: 'sqlite.ts',
    load: () => import('./sqlite.ts'),
  },
  {
    name: 'tfjs-threaded',
    role: 'rival',
    about: 'dlmalloc with its lock on shared memory, WebAssembly',
    package: '@tensorflow/tfjs-backend-wasm',
    file: 'tfjs-threaded.ts',
    load: () => import('./tfjs-threaded.ts'),
  },
  {
    name: 'bump',
    role: 'floor',
    about: 'a pointer that only moves on and wraps around; frees nothing',
    file: 'bump.ts',
    load: () => import('./bump.ts'),
  },
  {
    name: 'empty',
    role: 'floor',
    about: 'calls that do nothing: the cost of the loop itself',
    file: 'empty.ts',
    load: () => import('./empty.ts'),
  },
]

/** @throws RangeError naming the contenders there are. */
export function contenderNamed(name: string): ContenderEntry {
  const found = CONTENDERS.find((entry) => entry.name === name)
  if (found === undefined) {
    const names = CONTENDERS.map((entry) => entry.name).join(', ')
    throw new RangeError(`no contender "${name}"; there are ${names}`)
  }
  return found
}
