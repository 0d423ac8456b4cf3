/** The abilities that look inside: `check()`, which must see damage, and `walk()`, which must list what is there. */
import { hex, InvariantError } from '@vmalloc/memory'
import type { Driver } from '../driver.ts'
import type { Kit } from '../kit.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'

/** Words tried before a `check()` that noticed nothing is taken for a stub. */
const MOST_DAMAGES = 512

export function inspectionCases(kit: Kit): ConformanceCase[] {
  const cases: ConformanceCase[] = []
  if (kit.probe.check !== undefined) {
    cases.push({
      name: 'check: content with a sound state, not with a damaged one',
      law: 'check',
      run: () => checking(kit),
    })
  }
  if (kit.probe.walker !== undefined && kit.hasParent) {
    cases.push({
      name: 'walk: the pieces of every region in order, the used ones being the live blocks',
      law: 'walk',
      run: () => walking(kit),
    })
  }
  return cases
}

/** Leaves some blocks live and some holes between them. */
function populate(driver: Driver, random: Random): void {
  const { minimum, maximum } = driver.world.settings.sizes
  for (let i = 0; i < 60; i++) driver.allocate(random.size(minimum, maximum))
  const blocks = random.shuffled([...driver.live.values()])
  driver.freeAll(blocks.slice(0, Math.ceil(blocks.length * 0.6)))
}

function checking(kit: Kit): void {
  const driver = kit.driver()
  const fresh = driver.world.snapshot()
  const random = new Random(15)
  driver.check()
  populate(driver, random)
  driver.check()
  let tried = 0
  for (const word of random.shuffled(wordsWritten(driver, fresh))) {
    if (++tried > MOST_DAMAGES) break
    if (noticesDamage(driver, word)) return
  }
  driver.fail('check', `${tried} damaged words of its own state, and it noticed none of them`)
}

/** Words that are no live block's and have changed since the snapshot: the allocator's own state, all of it. */
function wordsWritten(driver: Driver, fresh: Uint8Array): number[] {
  const { u32 } = driver.memory
  const before = new Uint32Array(fresh.buffer, 0, fresh.length >>> 2)
  const words: number[] = []
  for (const { address, size, state } of driver.world.shadow.ranges()) {
    if (state === 'used') continue
    const end = Math.min(Math.floor((address + size) / 4), u32.length)
    for (let word = Math.ceil(address / 4); word < end; word++) {
      // What freed blocks held is nobody's state.
      if (u32[word] !== before[word] && !isLeftover(driver, word)) words.push(word)
    }
  }
  return words
}

/** A word in the midst of equal words: a pattern left over, or poison. */
function isLeftover(driver: Driver, word: number): boolean {
  const { u32 } = driver.memory
  return u32[word] === u32[word - 1] && u32[word] === u32[word + 1]
}

function noticesDamage(driver: Driver, word: number): boolean {
  const { u32 } = driver.memory
  const sound = u32[word] as number
  u32[word] = ~sound
  try {
    driver.allocator.check?.()
    return false
  } catch (error) {
    if (error instanceof InvariantError) return true
    return driver.fail('check', `damage at ${hex(word * 4)} makes it throw ${String(error)}`, error)
  } finally {
    u32[word] = sound
  }
}

function walking(kit: Kit): void {
  const driver = kit.driver()
  const random = new Random(16)
  for (let round = 0; round < 3; round++) {
    populate(driver, random)
    walkOnce(driver)
  }
  driver.freeAll(random.shuffled([...driver.live.values()]))
  walkOnce(driver)
}

function walkOnce(driver: Driver): void {
  const { live, allocator } = driver
  const seen = new Set<number>()
  const sizeOfUsed = (address: number): number => {
    return live.get(address)?.good ?? 0
  }
  const walk = driver.perform('walker()', () => allocator.walker?.(sizeOfUsed))
  for (const region of driver.world.parent.outstanding()) {
    let at = region.address
    const end = region.address + region.size
    driver.perform(`walk(${hex(region.address)}, ${region.size})`, () =>
      walk?.(region.address, region.size, (address, size, used) => {
        const piece = `${used ? 'used' : 'free'} piece ${hex(address)} + ${size}`
        if (address < at || !(size > 0))
          driver.fail('walk', `the ${piece} begins before ${hex(at)}`)
        at = address + size
        if (at > end) driver.fail('walk', `the ${piece} ends beyond the region`)
        const block = live.get(address)
        if (used && block?.good !== size) driver.fail('walk', `the ${piece} is no live block`)
        if (!used && driver.world.shadow.stateAt(address) === 'used') {
          driver.fail('walk', `the ${piece} is in use`)
        }
        if (used) seen.add(address)
      }),
    )
  }
  for (const address of live.keys()) {
    if (!seen.has(address)) driver.fail('walk', `the live block at ${hex(address)} is not listed`)
  }
}
