/** Several handles on one state: the memory is all there is, so they go the way of one handle, byte for byte. */
import { type Block, Driver } from '../driver.ts'
import type { Kit } from '../kit.ts'
import { drawProgram, runStep } from '../program.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'
import type { World } from '../surroundings.ts'

/** A handle made at this step of the program finds blocks, free lists and holes. */
const STEPS_BETWEEN_HANDLES = 100

export function attachCases(kit: Kit): ConformanceCase[] {
  if (!kit.attaches) return []
  return kit.settings.seeds.slice(0, 3).map((seed) => ({
    name: `attach: handles that take turns leave the bytes of a single one, seed ${seed}`,
    law: 'attach',
    run: () => {
      const single = new Driver(kit.unrecordedWorld(), seed)
      const shared = new Driver(kit.unrecordedWorld(), seed)
      const { sizes, memoryBytes, steps } = kit.settings
      const goodSize = (size: number): number => single.allocator.goodSize(size)
      const program = drawProgram(new Random(seed), {
        ...sizes,
        steps,
        budgetBytes: Math.max(memoryBytes / 2, goodSize(sizes.maximum)),
        goodSize,
      })
      const handles = [{ memory: shared.memory, allocator: shared.allocator }]
      const [singleSlots, sharedSlots] = [new Map<number, Block>(), new Map<number, Block>()]
      const turns = new Random(seed + 1)
      program.forEach((step, index) => {
        if (index % STEPS_BETWEEN_HANDLES === 1) handles.push(attachQuietly(shared))
        const { memory, allocator } = turns.pick(handles)
        memory.refresh()
        const expected = runStep(single, step, singleSlots)
        const found = runStep(shared, step, sharedSlots, allocator)
        if (found !== expected) {
          shared.fail('attach', `step ${index} gives ${found}; with a single handle ${expected}`)
        }
      })
      requireEqualBytes(shared, single.world)
      for (const { memory, allocator } of handles) {
        memory.refresh()
        shared.check(allocator)
        requireSameConstants(shared, allocator)
      }
    },
  }))
}

function attachQuietly(driver: Driver): ReturnType<World['attach']> {
  const snapshot = driver.world.snapshot()
  const handle = driver.perform('attach', () => driver.world.attach())
  if (driver.world.firstChange(snapshot) >= 0)
    driver.fail('attach', 'attaching wrote to the memory')
  return handle
}

function requireEqualBytes(driver: Driver, expected: World): void {
  const at = driver.world.firstChange(expected.snapshot())
  if (at >= 0) driver.fail('attach', `the byte at ${at} is not the one a single handle leaves`)
}

function requireSameConstants(driver: Driver, attached: Driver['allocator']): void {
  const { alignment } = driver.allocator
  if (attached.alignment !== alignment) {
    driver.fail(
      'attach',
      `the attached handle has alignment ${attached.alignment}, not ${alignment}`,
    )
  }
  const { minimum, maximum } = driver.world.settings.sizes
  for (const size of [minimum, Math.ceil((minimum + maximum) / 2), maximum]) {
    const good = driver.goodSize(size)
    if (attached.goodSize(size) !== good) {
      driver.fail('attach', `goodSize(${size}) is ${attached.goodSize(size)}, not ${good}`)
    }
  }
}
