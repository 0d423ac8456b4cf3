/**
 * Programs: sequences of requests that do not depend on what the allocator answers, so that two allocators can run
 * the same one and be compared.
 */

import type { Block, Driver } from './driver.ts'
import type { Random } from './random.ts'

/** One step; a `free` of a slot whose allocation found no room is skipped. */
export type Step =
  | { readonly kind: 'allocate'; readonly slot: number; readonly size: number }
  | { readonly kind: 'free'; readonly slot: number }

export interface ProgramShape {
  readonly minimum: number
  readonly maximum: number
  readonly steps: number
  /** The most bytes, by good size, that the program wants live at once. */
  readonly budgetBytes: number
  readonly goodSize: (size: number) => number
}

/** Allocations and frees at random, growing to the budget and dwindling in turns; ends with everything freed. */
export function drawProgram(random: Random, shape: ProgramShape): Step[] {
  const { minimum, maximum, steps, budgetBytes, goodSize } = shape
  const program: Step[] = []
  const live: { slot: number; good: number }[] = []
  let bytes = 0
  let growing = true
  const free = (): void => {
    const index = random.chance(0.3) ? live.length - 1 : random.below(live.length)
    const [gone] = live.splice(index, 1)
    if (gone === undefined) return
    bytes -= gone.good
    program.push({ kind: 'free', slot: gone.slot })
  }
  for (let slot = 0; program.length < steps; slot++) {
    if (random.chance(0.02)) growing = !growing
    const size = random.size(minimum, maximum)
    const good = goodSize(size)
    const fits = bytes + good <= budgetBytes
    if (live.length > 0 && (!fits || !random.chance(growing ? 0.7 : 0.35))) {
      free()
    } else if (fits) {
      live.push({ slot, good })
      bytes += good
      program.push({ kind: 'allocate', slot, size })
    }
  }
  while (live.length > 0) free()
  return program
}

/** Runs one step. @returns The address allocated, 0 for none, -1 for a step that allocates nothing. */
export function runStep(
  driver: Driver,
  step: Step,
  slots: Map<number, Block>,
  by: Driver['allocator'] = driver.allocator,
): number {
  if (step.kind === 'allocate') {
    const block = driver.allocate(step.size, by)
    if (block !== null) slots.set(step.slot, block)
    return block?.address ?? 0
  }
  const block = slots.get(step.slot)
  slots.delete(step.slot)
  if (block !== undefined) driver.free(block, block.size, by)
  return -1
}
