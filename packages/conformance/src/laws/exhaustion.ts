/** No room: 0, nothing changed, and room again as soon as something is freed. */
import type { Block, Driver } from '../driver.ts'
import { exhaust, type Kit, settleAccounts } from '../kit.ts'
import { drawProgram, runStep } from '../program.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'

export function exhaustionCases(kit: Kit): ConformanceCase[] {
  return [
    {
      name: 'failure: 0 when there is no room, and nothing changed',
      law: 'failure',
      run: () => {
        for (const size of kit.exhaustibleSizes(kit.driver())) {
          // The first run finds out which request is the first to fail, the second one looks at it closely.
          const count = exhaust(kit.driver(), size).length
          const driver = kit.driver()
          for (let i = 0; i < count; i++) driver.allocate(size)
          for (let i = 0; i < 3; i++) requireFailure(driver, size)
          for (const impossible of impossibleSizes(kit)) requireFailure(driver, impossible)
          driver.verifyAll()
          driver.check()
        }
      },
    },
    {
      name: 'failure: requests that cannot be served leave no trace',
      law: 'failure',
      run: () => {
        const plain = kit.driver(5)
        const disturbed = kit.driver(5)
        const { sizes, memoryBytes } = kit.settings
        const goodSize = (size: number): number => plain.allocator.goodSize(size)
        const program = drawProgram(new Random(5), {
          ...sizes,
          steps: 200,
          budgetBytes: Math.max(memoryBytes / 2, goodSize(sizes.maximum)),
          goodSize,
        })
        const [plainSlots, slots] = [new Map<number, Block>(), new Map<number, Block>()]
        const impossible = impossibleSizes(kit)
        program.forEach((step, index) => {
          const expected = runStep(plain, step, plainSlots)
          if (index % 3 === 0) requireFailure(disturbed, impossible[index % impossible.length] ?? 0)
          if (runStep(disturbed, step, slots) !== expected) {
            disturbed.fail('failure', `after failed requests, step ${index} goes another way`)
          }
        })
      },
    },
    {
      name: 'recovery: after exhaustion, what is freed can be had again',
      law: 'recovery',
      run: () => {
        const random = new Random(6)
        for (const size of kit.exhaustibleSizes(kit.driver())) {
          const driver = kit.driver()
          const count = exhaust(driver, size).length
          if (count === 0)
            driver.fail('recovery', `a fresh allocator has no room for ${size} bytes`)
          requireOneAgain(driver, size)
          for (const order of ORDERS) {
            driver.freeAll(order([...driver.live.values()], random))
            driver.check()
            const again = exhaust(driver, size).length
            if (again < count) {
              driver.fail('recovery', `there was room for ${count} blocks, now for ${again}`)
            }
          }
          driver.freeAll()
          settleAccounts(driver)
        }
      },
    },
    {
      name: 'recovery: room that was split up serves large blocks again',
      law: 'recovery',
      run: () => {
        const driver = kit.driver()
        const [largest, , least] = kit.exhaustibleSizes(driver)
        if (largest === undefined || least === undefined) return
        const count = exhaust(driver, largest).length
        const perLarge = Math.floor(driver.goodSize(largest) / driver.goodSize(least))
        driver.freeAll()
        const random = new Random(7)
        for (const order of ORDERS) {
          const small = exhaust(driver, least)
          // Small blocks fit where large ones were; half of that is left to their overhead.
          if (small.length < (count * perLarge) / 2) {
            driver.fail(
              'recovery',
              `${count} blocks of ${largest} bytes were freed; there is room for ${small.length} of ${least} bytes`,
            )
          }
          driver.freeAll(order(small, random))
          const again = exhaust(driver, largest).length
          if (again < count) {
            driver.fail(
              'recovery',
              `there was room for ${count} blocks of ${largest} bytes; after blocks of ${least} bytes came and went, for ${again}`,
            )
          }
          driver.freeAll()
        }
      },
    },
  ]
}

/** Sizes beyond the memory: no allocator can have room, and sums with them wrap in 32 bits. */
function impossibleSizes(kit: Kit): number[] {
  const { memoryBytes, unservedSizes } = kit.settings
  return [memoryBytes * 2, 2 ** 31, 2 ** 32 - 1, ...unservedSizes]
}

function requireFailure(driver: Driver, size: number): void {
  const { world } = driver
  const witness = driver.witness()
  const bytes = world.parent.outstandingBytes
  const address = driver.perform(`allocate(${size})`, () => driver.allocator.allocate(size))
  if (address !== 0) driver.fail('failure', `there was no room, but it gave ${address}`)
  if (world.parent.outstandingBytes !== bytes) {
    driver.fail(
      'failure',
      `it gave no room, but the parent has now ${world.parent.outstandingBytes} bytes out, not ${bytes}`,
    )
  }
  driver.requireUnchanged('failure', witness)
}

function requireOneAgain(driver: Driver, size: number): void {
  const blocks = [...driver.live.values()]
  driver.free(blocks[blocks.length >> 1] as Block)
  if (driver.allocate(size) === null) {
    driver.fail('recovery', `a block was freed, yet there is no room for one of the same size`)
  }
}

type Order = (blocks: readonly Block[], random: Random) => readonly Block[]

const ORDERS: readonly Order[] = [
  (blocks) => blocks,
  (blocks) => [...blocks].reverse(),
  (blocks) => [...blocks.filter((_, i) => i % 2 === 0), ...blocks.filter((_, i) => i % 2 === 1)],
  (blocks, random) => random.shuffled(blocks),
]
