/** Strategies that keep their state in a control block, as ours do, as subjects of the suite. */
import type { Address, Memory } from '@vmalloc/memory'
import type { AbleAllocator } from './abilities.ts'
import type { MakeSubject, Surroundings } from './subject.ts'

const CONTROL_NAME = 'subject'

type Parent = Surroundings['parent']

/** A class of such a strategy. */
export interface StrategyClass<Options> {
  /** Length of its control block in bytes, for a memory that may reach `maximum` bytes. */
  controlBytes(maximum: number): number
  create(memory: Memory, control: Address, parent: Parent, options: Options): AbleAllocator
  attach(memory: Memory, control: Address, parent: Parent): AbleAllocator
}

/** @returns What the suite needs to make the strategy, and to attach to it, in a memory of its own. */
export function strategySubject<Options>(
  Strategy: StrategyClass<Options>,
  options: Options,
): MakeSubject {
  return ({ memory, parent }) => {
    const control = memory.reserveControl(CONTROL_NAME, Strategy.controlBytes(memory.maximum))
    return {
      allocator: Strategy.create(memory, control, parent, options),
      attach: (other) =>
        Strategy.attach(other.memory, other.memory.findControl(CONTROL_NAME), other.parent),
    }
  }
}
