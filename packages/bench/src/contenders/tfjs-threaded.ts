/** The only published build found whose malloc takes a lock on shared memory. Started as its own glue starts it. */
import type { Open } from './contender.ts'
import { openWasm } from './wasm.ts'

const STACK_BYTES = 2 ** 20

export const open: Open = () =>
  openWasm('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm', {
    shared: true,
    maximumPages: 65536,
    imports: (instance) => ({
      __emscripten_init_main_thread_js: (block) => {
        const call = instance().exports as Record<string, (...values: number[]) => void>
        call['_emscripten_thread_init'](block, 1, 1, 0)
        call['_emscripten_tls_init']()
        return undefined
      },
      _emscripten_default_pthread_stack_size: () => STACK_BYTES,
      emscripten_num_logical_cores: () => 1,
      emscripten_get_now: () => performance.now(),
      emscripten_check_blocking_allowed: () => undefined,
    }),
    start: (call) => call('__wasm_call_ctors'),
  })
