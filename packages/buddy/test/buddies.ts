/** What the tests of the buddy share. */
import { AddressSpace, Memory, type RegionAllocator } from '@vmalloc/memory'
import { Buddy, type BuddyOptions } from '../src/index.ts'

/** The buddy of the classic composition. */
export const CLASSIC: BuddyOptions = {
  granule: 128,
  regionSize: 131072,
  growth: 1,
  regionCap: 2 ** 30,
  carveRemainder: false,
  release: false,
  linkOffset: 16,
}

export interface Subject {
  readonly memory: Memory
  readonly space: AddressSpace
  readonly parent: RegionAllocator
  readonly control: number
  readonly buddy: Buddy
}

/** A buddy of its own over pages. */
export function newBuddy(options: BuddyOptions = {}, maximum: number = 2 ** 26): Subject {
  const memory = Memory.create({
    initial: 65536,
    maximum,
    controlBytes: AddressSpace.controlBytes(maximum) + Buddy.controlBytes(maximum) + 128,
    secret: 77,
  })
  const space = AddressSpace.create(memory)
  const parent = space.source('medium')
  const control = memory.reserveControl('buddy', Buddy.controlBytes(maximum))
  return { memory, space, parent, control, buddy: Buddy.create(memory, control, parent, options) }
}

/** Counts of free blocks of the orders that have any: `{ 128: 1, 256: 2 }`, by bytes. */
export function freeBlocks(buddy: Buddy): Record<number, number> {
  const counts: Record<number, number> = {}
  buddy.countFree().forEach((count, order) => {
    if (count > 0) counts[2 ** (order + buddy.granuleBits)] = count
  })
  return counts
}

/** Counts the list operations of `act`. */
export function listOperations(buddy: Buddy, act: () => void): number {
  const { lists } = buddy
  let operations = 0
  lists.push = function (block, order) {
    operations++
    Object.getPrototypeOf(this).push.call(this, block, order)
  }
  lists.unlink = function (block, order) {
    operations++
    Object.getPrototypeOf(this).unlink.call(this, block, order)
  }
  try {
    act()
  } finally {
    Reflect.deleteProperty(lists, 'push')
    Reflect.deleteProperty(lists, 'unlink')
  }
  return operations
}
