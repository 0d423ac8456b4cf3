/** Allocators that several threads can use at once on one shared memory, opened in each of them. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { MemPool } from '@thi.ng/malloc'
import { Heap, type HeapHandle, type HeapOptions } from '@vmalloc/core'

/** What the workloads use. Views are asked for after each allocation, for memories grow. */
export interface ThreadedHeap {
  malloc(size: number): number
  free(address: number): void
  bytes(): Uint8Array
  words(): Uint32Array
}

/** Everything a Worker needs to open the same heap: structured-cloneable. */
export type Shared =
  | { readonly kind: 'vmalloc'; readonly handle: HeapHandle }
  /** Made by the one thread that uses it. */
  | { readonly kind: 'unshared' }
  | { readonly kind: 'thing'; readonly buffer: SharedArrayBuffer }
  | {
      readonly kind: 'tfjs'
      readonly module: WebAssembly.Module
      readonly memory: WebAssembly.Memory
      /** A stack and a thread's block for each Worker. */
      readonly stacks: readonly number[]
    }

export interface ThreadedContender {
  readonly name: string
  readonly title: string
  /** Whether more than one thread can use it. */
  readonly threads: boolean
  create(threads: number): Shared
}

const MAXIMUM_BYTES = 512 * 2 ** 20
const THING_BYTES = 128 * 2 ** 20
const LOCK_BYTES = 64
const STACK_BYTES = 2 ** 20

const ours = (name: string, title: string, options: HeapOptions): ThreadedContender => ({
  name,
  title,
  threads: true,
  create: () => {
    const heap = Heap.create({ maximum: MAXIMUM_BYTES, shared: true, ...options })
    return { kind: 'vmalloc', handle: heap.handle }
  },
})

export const CONTENDERS: readonly ThreadedContender[] = [
  ours('cached', 'vmalloc, thread caches', {}),
  ours('lock', 'vmalloc, bare lock', { threadCache: false }),
  {
    name: 'unshared',
    title: 'vmalloc, one thread only',
    threads: false,
    create: () => ({ kind: 'unshared' }),
  },
  {
    name: 'thing',
    title: '@thi.ng/malloc behind a lock',
    threads: true,
    create: () => {
      const buffer = new SharedArrayBuffer(LOCK_BYTES + THING_BYTES)
      new MemPool({ buf: buffer as unknown as ArrayBuffer, start: LOCK_BYTES, align: 16 })
      return { kind: 'thing', buffer }
    },
  },
  {
    name: 'tfjs',
    title: '@tensorflow/tfjs-backend-wasm, threaded',
    threads: true,
    create: (threads) => {
      const file = createRequire(import.meta.url).resolve(
        '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm',
      )
      const module = new WebAssembly.Module(readFileSync(file))
      const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true })
      const call = instantiateTfjs(module, memory)
      const stacks: number[] = []
      for (let i = 0; i < threads; i++) {
        const stack = call.malloc(STACK_BYTES + 4096)
        new Uint8Array(memory.buffer).fill(0, stack, stack + STACK_BYTES + 4096)
        stacks.push(stack)
      }
      return { kind: 'tfjs', module, memory, stacks }
    },
  },
]

/** In a Worker. @param index - Number of the Worker, for what each needs of its own. */
export function openShared(shared: Shared, index: number): ThreadedHeap {
  switch (shared.kind) {
    case 'vmalloc':
      return openOurs(Heap.attach(shared.handle))
    case 'unshared':
      return openOurs(Heap.create({ maximum: MAXIMUM_BYTES }))
    case 'thing':
      return openThing(shared.buffer)
    default:
      return openTfjs(shared, index)
  }
}

function openOurs(heap: Heap): ThreadedHeap {
  return {
    malloc: (size) => heap.malloc(size),
    free: (address) => heap.free(address),
    bytes: () => heap.memory.u8,
    words: () => heap.memory.u32,
  }
}

function openThing(buffer: SharedArrayBuffer): ThreadedHeap {
  const pool = new MemPool({
    buf: buffer as unknown as ArrayBuffer,
    start: LOCK_BYTES,
    align: 16,
    skipInitialization: true,
  })
  const bytes = new Uint8Array(buffer)
  const words = new Uint32Array(buffer)
  const lock = new Int32Array(buffer, 0, 1)
  return {
    malloc: (size) => {
      take(lock)
      const address = pool.malloc(size)
      give(lock)
      return address
    },
    free: (address) => {
      take(lock)
      pool.free(address)
      give(lock)
    },
    bytes: () => bytes,
    words: () => words,
  }
}

/** U. Drepper, "Futexes are tricky", mutex 2: what one would write around an allocator that has no lock. */
function take(lock: Int32Array): void {
  if (Atomics.compareExchange(lock, 0, 0, 1) === 0) return
  while (Atomics.exchange(lock, 0, 2) !== 0) Atomics.wait(lock, 0, 2, 50)
}

function give(lock: Int32Array): void {
  if (Atomics.exchange(lock, 0, 0) === 2) Atomics.notify(lock, 0, 1)
}

type Call = Record<string, (...values: number[]) => number> & {
  malloc(size: number): number
  free(address: number): void
}

function instantiateTfjs(module: WebAssembly.Module, memory: WebAssembly.Memory, block = 0): Call {
  let instance: WebAssembly.Instance | undefined
  const call = (): Call => instance?.exports as unknown as Call
  const provided: Record<string, (...values: number[]) => number | undefined> = {
    __emscripten_init_main_thread_js: (main) => {
      call()['_emscripten_thread_init']?.(main, 1, 1, 1)
      call()['_emscripten_tls_init']?.()
      return undefined
    },
    _emscripten_default_pthread_stack_size: () => STACK_BYTES,
    emscripten_num_logical_cores: () => 2,
    emscripten_get_now: () => performance.now(),
    emscripten_check_blocking_allowed: () => undefined,
    emscripten_resize_heap: (bytes) => {
      const missing = (bytes >>> 0) - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / 65536) + 64)
      return 1
    },
  }
  const imports: WebAssembly.Imports = {}
  for (const { module: space, name, kind } of WebAssembly.Module.imports(module)) {
    imports[space] ??= {}
    imports[space][name] =
      kind === 'memory'
        ? memory
        : (provided[name] ??
          (() => {
            throw new Error(`the allocator called its import ${name}, which is not provided here`)
          }))
  }
  instance = new WebAssembly.Instance(module, imports)
  if (block === 0) call()['__wasm_call_ctors']?.()
  return call()
}

/** As Emscripten's glue starts a thread: a stack and a thread block of its own, on the memory of all. */
function openTfjs(
  { module, memory, stacks }: Extract<Shared, { readonly kind: 'tfjs' }>,
  index: number,
): ThreadedHeap {
  const stack = stacks[index] as number
  const block = stack + STACK_BYTES
  const call = instantiateTfjs(module, memory, block)
  const restore = call['stackRestore'] ?? call['_emscripten_stack_restore']
  if (restore === undefined) throw new Error('the module exports no way to set its stack')
  restore(stack + STACK_BYTES - 64)
  call['_emscripten_thread_init']?.(block, 0, 0, 1)
  const { malloc, free } = call
  let views = viewsOf(memory)
  const current = (): typeof views => {
    if (views.bytes.buffer !== memory.buffer) views = viewsOf(memory)
    return views
  }
  return {
    malloc: (size) => malloc(size) >>> 0,
    free,
    bytes: () => current().bytes,
    words: () => current().words,
  }
}

function viewsOf({ buffer }: WebAssembly.Memory): { bytes: Uint8Array; words: Uint32Array } {
  return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer) }
}
