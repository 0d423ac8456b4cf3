/** Parents for strategies under test: the pages of an address space, and bytes that are handed out one after the other. */
import { AddressSpace } from '@vmalloc/memory'
import { BumpParent, type BumpParentOptions } from './bump-parent.ts'
import type { ParentSupply } from './subject.ts'

const SOURCE_NAME = 'conformance'

/** Whole pages of an address space, which joins what comes back; a parent that threads can attach to. */
export const pageSupply: ParentSupply = {
  create: (memory) => AddressSpace.create(memory).source(SOURCE_NAME),
  attach: (memory) => AddressSpace.attach(memory).source(SOURCE_NAME),
}

/**
 * A {@link BumpParent} over all of the memory.
 *
 * @param options - Odd starts and alignments find what a strategy takes for granted.
 */
export const bumpSupply = (options: BumpParentOptions = {}): ParentSupply => ({
  create: (memory) => new BumpParent(memory, options),
})
