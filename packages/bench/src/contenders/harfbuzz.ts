import type { Open } from './contender.ts'
import { openWasm } from './wasm.ts'

export const open: Open = () =>
  openWasm('harfbuzzjs/dist/harfbuzz-subset.wasm', { start: (call) => call('_initialize') })
