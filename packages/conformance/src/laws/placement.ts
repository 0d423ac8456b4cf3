/** Where blocks lie: aligned, apart, inside what the parent gave; and freed with any size of equal good size. */
import type { Block, Driver } from '../driver.ts'
import { type Kit, settleAccounts } from '../kit.ts'
import { drawProgram, runStep } from '../program.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'

export function placementCases(kit: Kit): ConformanceCase[] {
  return [
    {
      name: 'alignment: a constant power of two, kept by every address',
      law: 'alignment',
      run: () => {
        const driver = kit.driver()
        const { alignment } = driver.allocator
        const { phase, sizes } = kit.settings
        if (!(alignment >= 1 && Number.isInteger(Math.log2(alignment)))) {
          driver.fail('alignment', `alignment is ${alignment}, not a power of two`)
        }
        if (!(phase >= 0 && phase < alignment)) {
          driver.fail('alignment', `phase ${phase} is not below the alignment ${alignment}`)
        }
        const random = new Random(2)
        for (let i = 0; i < 64; i++) driver.allocate(random.size(sizes.minimum, sizes.maximum))
        if (driver.live.size === 0) driver.fail('recovery', 'a fresh allocator has no room at all')
        if (driver.allocator.alignment !== alignment) {
          driver.fail('alignment', `alignment was ${alignment}, now ${driver.allocator.alignment}`)
        }
      },
    },
    {
      name: 'disjoint: mixed blocks keep their bytes while others come and go',
      law: 'disjoint',
      run: () => {
        const driver = kit.driver(3)
        const random = new Random(3)
        const { minimum, maximum } = kit.settings.sizes
        for (let round = 0; round < 4; round++) {
          for (let i = 0; i < 100; i++) driver.allocate(random.size(minimum, maximum))
          driver.verifyAll()
          driver.freeAll([...driver.live.values()].filter((_, index) => index % 2 === round % 2))
          driver.verifyAll()
          driver.check()
        }
        driver.freeAll()
      },
    },
    {
      name: 'sized free: any size with the same good size does',
      law: 'sized-free',
      run: () => {
        const { sizes, memoryBytes } = kit.settings
        // The exact sizes, the smallest ones, the good sizes: the same program must go the same way.
        const runs = ['exact', 'smallest', 'good'].map((with_) => {
          const driver = kit.driver(4)
          const goodSize = (size: number): number => driver.goodSize(size)
          const program = drawProgram(new Random(4), {
            ...sizes,
            steps: 200,
            budgetBytes: Math.max(memoryBytes / 4, goodSize(sizes.maximum)),
            goodSize,
          })
          const slots = new Map<number, Block>()
          const addresses = program.map((step) => {
            const block = slots.get(step.slot)
            if (step.kind === 'allocate' || block === undefined) return runStep(driver, step, slots)
            slots.delete(step.slot)
            driver.free(block, freeingSize(driver, block, with_))
            return -1
          })
          settleAccounts(driver)
          return { driver, addresses, with_ }
        })
        const [exact, ...others] = runs
        for (const { driver, addresses, with_ } of others) {
          const at = addresses.findIndex((address, index) => address !== exact?.addresses[index])
          if (at >= 0) {
            driver.fail(
              'sized-free',
              `freeing with the ${with_} size instead of the exact one changed the answer of step ${at}`,
            )
          }
        }
      },
    },
  ]
}

function freeingSize(driver: Driver, block: Block, with_: string): number {
  if (with_ === 'exact') return block.size
  return with_ === 'good' ? block.good : smallestEquivalent(driver, block)
}

/** The smallest size that has the block's good size: found by halving, for good sizes are monotone. */
export function smallestEquivalent(driver: Driver, block: Block): number {
  let low = driver.world.settings.sizes.minimum
  let high = block.size
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (driver.allocator.goodSize(middle) === block.good) high = middle
    else low = middle + 1
  }
  return high
}
