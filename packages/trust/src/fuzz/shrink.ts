/** Cutting a failing program down, and writing it as a trace. */
import { encodeTrace, TraceWriter } from '@vmalloc/trace'
import type { Operation } from './program.ts'

/** Runs tried at most. */
const MAX_RUNS = 600

/**
 * Leaves out ever smaller parts of a program as long as it still fails.
 *
 * @param fails - Must give the same answer for the same program.
 */
export function shrink(
  program: readonly Operation[],
  fails: (program: readonly Operation[]) => boolean,
): readonly Operation[] {
  let best = program
  let runs = 0
  for (let part = best.length >> 1; part >= 1; part >>= 1) {
    for (let at = 0; at < best.length && runs < MAX_RUNS; ) {
      const shorter = [...best.slice(0, at), ...best.slice(at + part)]
      runs++
      if (fails(shorter)) best = shorter
      else at += part
    }
  }
  return best
}

/** One operation a line, to be read by people and by `JSON.parse`. */
export function printProgram(program: readonly Operation[]): string {
  return program.map((operation) => JSON.stringify(operation)).join('\n')
}

/**
 * The allocations, reallocations and frees of a program as the bytes of an `.mtr` file, which `vmalloc replay` reads.
 * What a trace cannot say, wrong frees for example, is left out.
 */
export function programTrace(program: readonly Operation[], name: string): Uint8Array {
  const writer = new TraceWriter()
  const live: number[] = []
  const take = (index: number): number | undefined => {
    const { length } = live
    if (length === 0) return undefined
    const taken = live[index % length]
    const last = live.pop() as number
    if (last !== taken) live[index % length] = last
    return taken
  }
  for (const operation of program) {
    switch (operation.op) {
      case 'malloc':
      case 'tryMalloc':
        live.push(writer.malloc(operation.size))
        break
      case 'string':
        live.push(writer.malloc(operation.size + 1))
        break
      case 'block':
        writer.free(writer.malloc(operation.size))
        break
      case 'calloc':
        live.push(writer.calloc(operation.count * operation.size))
        break
      case 'aligned':
        live.push(writer.memalign(operation.size, operation.alignment))
        break
      case 'realloc': {
        const id = take(operation.index)
        if (id === undefined) break
        if (operation.size === 0) writer.free(id)
        else {
          writer.realloc(id, operation.size)
          live.push(id)
        }
        break
      }
      case 'free':
      case 'freeTwice': {
        const id = take(operation.index)
        if (id !== undefined) writer.free(id)
        break
      }
      case 'freeAll':
        while (live.length > 0) writer.free(live.pop() as number)
        break
      case 'check':
      case 'dup':
      case 'freeInside':
      case 'look':
      case 'other':
        // Not part of a trace. The copy that `dup` makes is left out, and so are the frees of it.
        break
    }
  }
  return encodeTrace(writer.finish(name, { cut: true, prologue: 0 }))
}
