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

interface Traced {
  readonly id: number
  readonly size: number
}

/**
 * The allocations, reallocations and frees of a program as the bytes of an `.mtr` file, which `vmalloc replay` reads.
 * What a trace cannot say, wrong frees for example, is left out.
 */
export function programTrace(program: readonly Operation[], name: string): Uint8Array {
  const writer = new TraceWriter()
  const live: Traced[] = []
  const enter = (id: number, size: number): void => {
    live.push({ id, size })
  }
  const take = (index: number): Traced | undefined => {
    const { length } = live
    if (length === 0) return undefined
    const taken = live[index % length]
    const last = live.pop() as Traced
    if (last !== taken) live[index % length] = last
    return taken
  }
  const free = (index: number): void => {
    const block = take(index)
    if (block !== undefined) writer.free(block.id)
  }
  for (const operation of program) {
    switch (operation.op) {
      case 'malloc':
      case 'tryMalloc':
        enter(writer.malloc(operation.size), operation.size)
        break
      case 'allocMany':
        for (let i = 0; i < operation.count; i++)
          enter(writer.malloc(operation.size), operation.size)
        break
      case 'string':
        enter(writer.malloc(operation.size + 1), operation.size + 1)
        break
      case 'block':
        writer.free(writer.malloc(operation.size))
        break
      case 'calloc':
        enter(writer.calloc(operation.count * operation.size), operation.count * operation.size)
        break
      case 'dup': {
        const source = live[operation.index % live.length]
        if (source !== undefined) enter(writer.malloc(source.size), source.size)
        break
      }
      case 'aligned':
        enter(writer.memalign(operation.size, operation.alignment), operation.size)
        break
      case 'realloc': {
        const block = take(operation.index)
        if (block === undefined) break
        if (operation.size === 0) writer.free(block.id)
        else {
          writer.realloc(block.id, operation.size)
          enter(block.id, operation.size)
        }
        break
      }
      case 'free':
      case 'freeTwice':
        free(operation.index)
        break
      case 'freeMany':
        for (let i = 0; i < operation.count; i++) free(operation.index)
        break
      case 'freeAll':
        while (live.length > 0) free(live.length - 1)
        break
      case 'check':
      case 'freeInside':
      case 'look':
      case 'trim':
      case 'other':
        // Not part of a trace.
        break
    }
  }
  return encodeTrace(writer.finish(name, { cut: true, prologue: 0 }))
}
