/** What the laws share: worlds to try things in, sizes to try, and ways to fill memory up and to settle accounts. */
import { hex } from '@vmalloc/memory'
import type { AbleAllocator } from './abilities.ts'
import { type Block, Driver } from './driver.ts'
import type { MakeSubject } from './subject.ts'
import { type Settings, World } from './surroundings.ts'

/** More blocks than this are not needed to exhaust a memory. */
const MOST_BLOCKS = 8192

export class Kit {
  readonly settings: Settings
  readonly #makeSubject: MakeSubject
  /** The abilities of the subject, read off one instance. */
  readonly probe: AbleAllocator
  readonly attaches: boolean

  constructor(makeSubject: MakeSubject, settings: Settings) {
    this.#makeSubject = makeSubject
    this.settings = settings
    const { subject } = this.world()
    this.probe = subject.allocator
    this.attaches = subject.attach !== undefined
  }

  world(): World {
    return new World(this.#makeSubject, this.settings)
  }

  /** A world whose parent is not watched, for handles that bring a parent of their own. */
  unrecordedWorld(): World {
    return new World(this.#makeSubject, this.settings, false)
  }

  driver(seed?: number): Driver {
    return new Driver(this.world(), seed)
  }

  get hasParent(): boolean {
    return this.settings.parent !== null
  }

  /** The largest size, one in the middle, and the smallest of which a memory does not hold too many. */
  exhaustibleSizes(driver: Driver): number[] {
    const { sizes, memoryBytes } = this.settings
    let least = sizes.minimum
    while (least < sizes.maximum && memoryBytes / driver.goodSize(least) > MOST_BLOCKS) {
      least = Math.min(least * 2, sizes.maximum)
    }
    const middle = Math.round(Math.sqrt(least * sizes.maximum))
    return [...new Set([sizes.maximum, middle, least])]
  }
}

/** Allocates `size` until there is no room. @returns The blocks, in the order of allocation. */
export function exhaust(driver: Driver, size: number): Block[] {
  const blocks: Block[] = []
  // Ends: the shadow model refuses a byte that is handed out twice.
  for (;;) {
    const block = driver.allocate(size)
    if (block === null) return blocks
    blocks.push(block)
  }
}

/** Fills all room there is, from the largest size to the smallest. */
function exhaustDescending(driver: Driver): void {
  const { minimum, maximum } = driver.world.settings.sizes
  for (let size = maximum; ; size = Math.max(minimum, Math.floor(size / 2))) {
    exhaust(driver, size)
    if (size === minimum) return
  }
}

/**
 * Nothing is live any more: verifies that nothing leaked either.
 *
 * A layer that keeps regions must be able to hand them out again. So with the parent failing, all room is filled up:
 * a region without a single block in it has been forgotten.
 */
export function settleAccounts(driver: Driver): void {
  const { world } = driver
  const { settings, parent, startBytes, startRegions, failing } = world
  driver.check()
  if (settings.parent === null) return
  if (settings.returnsToParent) {
    if (parent.outstandingBytes !== startBytes) {
      driver.fail(
        'conservation',
        `nothing is live, but ${parent.outstandingBytes} bytes of the parent are out; at the start there were ${startBytes}`,
      )
    }
    return
  }
  failing.arm(1, 'from-then-on')
  exhaustDescending(driver)
  const blocks = [...driver.live.values()].sort((a, b) => a.address - b.address)
  let next = 0
  let tableBytes = 0
  for (const region of parent.outstanding()) {
    const end = region.address + region.size
    while (next < blocks.length && (blocks[next] as Block).address < region.address) next++
    const used = next < blocks.length && (blocks[next] as Block).address < end
    if (used || startRegions.has(region.address)) continue
    tableBytes += region.size
    if (tableBytes > settings.tableBytes) {
      driver.fail(
        'conservation',
        `the region of ${region.size} bytes at ${hex(region.address)} is out, but no room in it can be had`,
      )
    }
  }
  driver.freeAll()
  failing.disarm()
}
