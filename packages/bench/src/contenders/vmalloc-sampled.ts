import type { Open } from './contender.ts'
import { openVmalloc } from './open-vmalloc.ts'

export const open: Open = ({ maximum }) =>
  openVmalloc({ maximum, preset: 'sampled', traces: false }, 16)
