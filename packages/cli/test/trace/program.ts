/** Random traces for property tests: any list of small numbers becomes a valid sequence of calls. */

import { type Trace, TraceWriter } from '@vmalloc/trace'
import fc from 'fast-check'

export interface Step {
  readonly what: number
  readonly pick: number
  readonly size: number
  readonly thread: number
}

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.nat({ max: 9 }),
    pick: fc.nat({ max: 1000 }),
    size: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 200_000 })),
    thread: fc.nat({ max: 3 }),
  }),
  { maxLength: 200 },
)

export function traceOf(program: readonly Step[], cut = false): Trace {
  const writer = new TraceWriter()
  const live: number[] = []
  for (const { what, pick, size, thread } of program) {
    const at = pick % Math.max(1, live.length)
    if (what < 3 || live.length === 0) live.push(writer.malloc(size, thread))
    else if (what === 3) live.push(writer.calloc(size, thread))
    else if (what === 4) live.push(writer.memalign(size, 2 ** (pick % 13), thread))
    else if (what < 7) writer.realloc(live[at], size + 1, thread)
    else writer.free(live.splice(at, 1)[0], thread)
  }
  return writer.finish('random', { cut })
}
