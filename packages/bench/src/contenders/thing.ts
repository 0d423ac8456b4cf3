/** `MemPool` of @thi.ng/malloc on a fixed buffer: it cannot grow. */
import { MemPool } from '@thi.ng/malloc'
import type { Open } from './contender.ts'

/** Its lists break at addresses from 2 GiB on. */
const LIMIT_BYTES = 2 ** 30

export const open: Open = ({ maximum }) => {
  const buf = new ArrayBuffer(Math.min(maximum, LIMIT_BYTES))
  const heap = new MemPool({ buf })
  const bytes = new Uint8Array(buf)
  return { heap, bytes: () => bytes }
}
