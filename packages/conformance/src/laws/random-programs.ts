/** Random programs with every ability there is, against the shadow model. */
import type { Block, Driver } from '../driver.ts'
import { type Kit, settleAccounts } from '../kit.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'
import { smallestEquivalent } from './placement.ts'

const STEPS_BETWEEN_CHECKS = 16
const STEPS_BETWEEN_SWEEPS = 64

export function randomCases(kit: Kit): ConformanceCase[] {
  return kit.settings.seeds.map((seed) => ({
    name: `random program against the shadow model, seed ${seed}`,
    law: 'disjoint',
    run: () => {
      const driver = kit.driver(seed)
      const random = new Random(seed)
      // Half of the programs stay small, so that regions empty now and then; the others run into exhaustion.
      const most = seed % 2 === 0 ? 24 : Number.POSITIVE_INFINITY
      for (let step = 1; step <= kit.settings.steps; step++) {
        randomStep(driver, random, most)
        if (step % STEPS_BETWEEN_CHECKS === 0) driver.check()
        if (step % STEPS_BETWEEN_SWEEPS === 0) driver.verifyAll()
      }
      driver.verifyAll()
      driver.freeAll(random.shuffled([...driver.live.values()]))
      settleAccounts(driver)
    },
  }))
}

function randomStep(driver: Driver, random: Random, most: number): void {
  const { allocator, live, world } = driver
  const { minimum, maximum } = world.settings.sizes
  const size = random.size(minimum, maximum)
  const die = random.below(100)
  if (live.size >= most || (die < 35 && live.size > 0)) {
    const block = pickLive(driver, random)
    const same = random.between(smallestEquivalent(driver, block), block.good)
    driver.free(block, random.chance(0.5) ? block.size : same)
  } else if (die < 45 && live.size > 0 && allocator.resize !== undefined) {
    driver.resize(pickLive(driver, random), size)
  } else if (die < 50 && allocator.allocateAligned !== undefined) {
    driver.allocateAligned(size, allocator.alignment * 2 ** random.below(6))
  } else if (die < 55 && allocator.allocateZeroed !== undefined) {
    driver.allocateZeroed(size)
  } else {
    const block = driver.allocate(size)
    if (block !== null && allocator.owns !== undefined && !allocator.owns(block.address)) {
      driver.fail('owner', `owns(${block.address}) is false for the block just allocated`)
    }
  }
}

/** Old blocks and young ones: programs free both. */
function pickLive(driver: Driver, random: Random): Block {
  const blocks = [...driver.live.values()]
  return random.chance(0.3) ? (blocks.at(-1) as Block) : random.pick(blocks)
}
