/** Good sizes: at least the size, monotone, idempotent, pure. */
import type { Driver } from '../driver.ts'
import type { Kit } from '../kit.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'

export function goodSizeCases(kit: Kit): ConformanceCase[] {
  const law = 'good-size'
  return [
    {
      name: 'good size: at least the size, monotone, idempotent',
      law,
      run: () => {
        const driver = kit.driver()
        let previous = 0
        let previousSize = 0
        for (const size of interestingSizes(kit)) {
          const good = driver.goodSize(size)
          if (!(good >= size)) driver.fail(law, `it is ${good}, less than the size`)
          if (!Number.isInteger(good)) driver.fail(law, `it is ${good}, not a whole number`)
          if (good < previous) {
            driver.fail(law, `it is ${good}, less than the ${previous} of size ${previousSize}`)
          }
          const again = driver.goodSize(good)
          if (again !== good) {
            driver.fail(law, `it is ${again}, but ${good} is the good size of ${size}`)
          }
          previous = good
          previousSize = size
        }
      },
    },
    {
      name: 'good size: of a size never served, the size itself',
      law,
      run: () => {
        const driver = kit.driver()
        for (const size of kit.settings.unservedSizes) {
          const good = driver.goodSize(size)
          if (good !== size) driver.fail(law, `it is ${good}, though this size is never served`)
        }
      },
    },
    {
      name: 'good size: without side effects, and constant',
      law,
      run: () => {
        const driver = kit.driver()
        const sizes = interestingSizes(kit)
        const before = quietly(driver, sizes)
        for (const size of kit.exhaustibleSizes(driver)) driver.allocate(size)
        quietly(driver, sizes).forEach((good, index) => {
          if (good !== before[index]) {
            driver.fail(
              law,
              `goodSize(${sizes[index]}) is ${good}, but was ${before[index]} before some allocations`,
            )
          }
        })
      },
    },
  ]
}

/** Asks for good sizes and demands that nothing else happens. */
function quietly(driver: Driver, sizes: readonly number[]): number[] {
  const { world } = driver
  const snapshot = world.snapshot()
  const { allocate } = world.parent.calls
  const goods = sizes.map((size) => driver.goodSize(size))
  if (world.firstChange(snapshot) >= 0) driver.fail('good-size', 'asking changed the memory')
  if (world.parent.calls.allocate !== allocate) driver.fail('good-size', 'asking called the parent')
  return goods
}

/** Both ends, the powers of two and their neighbours, and some more, ascending; a few beyond what is served. */
function interestingSizes(kit: Kit): number[] {
  const { minimum, maximum } = kit.settings.sizes
  const random = new Random(1)
  const sizes = [1, minimum, maximum]
  for (let power = 1; power <= maximum * 4; power *= 2) sizes.push(power - 1, power, power + 1)
  for (let i = 0; i < 64; i++) sizes.push(random.size(minimum, maximum))
  return [...new Set(sizes)].filter((size) => size > 0).sort((a, b) => a - b)
}
