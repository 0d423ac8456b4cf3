/** Everything freed: the same requests succeed again, and the parent's account is bounded or back to its start. */
import { type Kit, settleAccounts } from '../kit.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'

const ROUNDS = 4

export function conservationCases(kit: Kit): ConformanceCase[] {
  return kit.settings.seeds.slice(0, 3).map((seed) => ({
    name: `conservation: the same requests succeed round after round, seed ${seed}`,
    law: 'conservation',
    run: () => {
      const driver = kit.driver(seed)
      const { sizes, memoryBytes } = kit.settings
      const { parent } = driver.world
      const random = new Random(seed)
      const wanted: number[] = []
      for (let bytes = 0; bytes < memoryBytes / 2 && wanted.length < 2000; ) {
        const size = random.size(sizes.minimum, sizes.maximum)
        wanted.push(size)
        bytes += driver.goodSize(size)
      }
      let served: boolean[] | undefined
      let most = 0
      for (let round = 1; round <= ROUNDS; round++) {
        const now = wanted.map((size) => driver.allocate(size) !== null)
        const lost = now.findIndex((success, index) => !success && served?.[index] === true)
        if (lost >= 0) {
          driver.fail(
            'conservation',
            `request ${lost}, of ${wanted[lost]} bytes, succeeded in round 1, not in round ${round}`,
          )
        }
        served ??= now
        driver.freeAll(random.shuffled([...driver.live.values()]))
        // What is kept may differ from round to round, but it must not add up.
        if (round === 1) most = parent.peakBytes
        if (parent.outstandingBytes > most) {
          driver.fail(
            'conservation',
            `after round ${round} it keeps ${parent.outstandingBytes} bytes of the parent; round 1 needed at most ${most}`,
          )
        }
      }
      settleAccounts(driver)
    },
  }))
}
