/**
 * A parent that fails at its k-th call, for every k: no leak, nothing changed by what could not be served, and the
 * next request works.
 */
import { type Block, Driver } from '../driver.ts'
import type { FailureMode } from '../failing-parent.ts'
import { type Kit, settleAccounts } from '../kit.ts'
import { drawProgram, runStep, type Step } from '../program.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'

const STEPS = 80
const SEED = 9

/** The program, and how many parent calls had been made after each of its steps when nothing failed. */
interface Course {
  readonly program: readonly Step[]
  readonly callsAfter: readonly number[]
}

export function parentFailureCases(kit: Kit): ConformanceCase[] {
  if (!kit.hasParent) return []
  const modes: readonly FailureMode[] = ['once', 'from-then-on']
  return modes.map((mode) => ({
    name: `parent failure: at the k-th call, ${mode.replaceAll('-', ' ')}, for every k`,
    law: 'parent-failure',
    run: () => {
      const course = undisturbedCourse(kit)
      const calls = course.callsAfter.at(-1) ?? 0
      for (let k = 1; k <= calls; k++) runWithFailure(kit, course, k, mode)
    },
  }))
}

function undisturbedCourse(kit: Kit): Course {
  const driver = kit.driver(SEED)
  const { failing } = driver.world
  const { sizes, memoryBytes } = kit.settings
  const goodSize = (size: number): number => driver.allocator.goodSize(size)
  const program = drawProgram(new Random(SEED), {
    ...sizes,
    steps: STEPS,
    budgetBytes: Math.max(memoryBytes / 4, goodSize(sizes.maximum)),
    goodSize,
  })
  failing.arm(Number.POSITIVE_INFINITY, 'once')
  const slots = new Map<number, Block>()
  const callsAfter = program.map((step, index) => {
    if (runStep(driver, step, slots) === 0) {
      driver.fail('recovery', `no room at step ${index}, with a quarter of the memory in use`)
    }
    return failing.calls
  })
  return { program, callsAfter }
}

function runWithFailure(kit: Kit, course: Course, k: number, mode: FailureMode): void {
  const { program, callsAfter } = course
  const driver = new Driver(kit.world(), SEED)
  const { failing, parent } = driver.world
  const title = `with the parent failing at call ${k} (${mode})`
  const slots = new Map<number, Block>()
  const hit = callsAfter.findIndex((calls) => calls >= k)
  failing.arm(k, mode)
  program.forEach((step, index) => {
    const witness = index === hit ? driver.witness() : null
    const bytes = parent.outstandingBytes
    const failures = failing.failures
    if (runStep(driver, step, slots) !== 0) return
    if (failing.failures === failures) {
      driver.fail('parent-failure', `${title}, it has no room, and did not even ask the parent`)
    }
    if (parent.outstandingBytes !== bytes) {
      driver.fail(
        'parent-failure',
        `${title}, it gave no room, but the parent has ${parent.outstandingBytes - bytes} bytes more out`,
      )
    }
    driver.requireUnchanged('failure', witness)
    if (mode === 'once' && runStep(driver, step, slots) === 0) {
      driver.fail('parent-failure', `${title}, the same request after that has no room either`)
    }
  })
  if (failing.failures === 0) {
    driver.fail('parent-failure', `${title}, the same program did not call the parent as often`)
  }
  failing.disarm()
  driver.verifyAll()
  settleAccounts(driver)
  for (const [index, step] of program.entries()) {
    if (runStep(driver, step, slots) === 0) {
      driver.fail('parent-failure', `${title}, long after that, step ${index} finds no room`)
    }
  }
  settleAccounts(driver)
}
