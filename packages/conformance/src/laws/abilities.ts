/** Abilities, each only if the object has it: and then it must do what it promises, at least sometimes. */
import type { Block, Driver } from '../driver.ts'
import { exhaust, type Kit, settleAccounts } from '../kit.ts'
import { Random } from '../random.ts'
import type { ConformanceCase } from '../subject.ts'

/** Offsets of aligned places are multiples of it. */
const OFFSET_UNIT_BYTES = 4096

export function abilityCases(kit: Kit): ConformanceCase[] {
  const { probe } = kit
  const cases: ConformanceCase[] = []
  const add = (law: ConformanceCase['law'], name: string, run: () => void): void => {
    cases.push({ law, name: `${law}: ${name}`, run })
  }
  if (probe.resize !== undefined) {
    add('resize', 'in place, keeping the bytes; not refused for ever', () => resizing(kit))
  }
  if (probe.allocateAligned !== undefined) {
    add('aligned', 'on the boundary asked for; not refused for ever', () => aligning(kit))
  }
  if (probe.allocateZeroed !== undefined) {
    add('zeroed', 'every byte 0, where blocks had been too', () => zeroing(kit))
  }
  if (probe.divisible !== undefined) {
    add('divisible', 'a region comes back in parts', () => dividing(kit))
  }
  if (probe.trim !== undefined) {
    add('trim', 'gives back what is free, and nothing else', () => trimming(kit))
  }
  if (probe.owns !== undefined)
    add('owner', 'own addresses told from foreign ones', () => owning(kit))
  return cases
}

function resizing(kit: Kit): void {
  const { minimum, maximum } = kit.settings.sizes
  const middle = Math.round(Math.sqrt(minimum * maximum))
  let changed = 0
  let possible = 0
  for (const from of [minimum, middle, maximum]) {
    for (const to of [minimum, middle, maximum]) {
      const driver: Driver = kit.driver()
      const block = driver.allocate(from)
      const other = driver.allocate(minimum)
      if (block === null) driver.fail('recovery', 'a fresh allocator has no room')
      const differs = driver.goodSize(from) !== driver.goodSize(to)
      const done = driver.resize(block, to)
      if (differs) possible += 1
      if (differs && done) changed += 1
      if (!differs && !done) driver.fail('resize', 'refused a size with the same good size')
      if (other !== null) driver.free(other)
      driver.resize(block, from)
      driver.free(block)
      settleAccounts(driver)
    }
  }
  if (possible > 0 && changed === 0) {
    kit.driver().fail('resize', `it refused all of ${possible} changes: then the ability is absent`)
  }
}

function aligning(kit: Kit): void {
  const { sizes, memoryBytes, alignedPhase } = kit.settings
  const driver: Driver = kit.driver()
  const random = new Random(11)
  const least = Math.max(driver.allocator.alignment * 2, alignedPhase * 2)
  const first = driver.allocateAligned(sizes.minimum, least)
  if (first === null) driver.fail('aligned', `fresh, it refuses ${sizes.minimum} bytes at ${least}`)
  for (let alignment = 1; alignment <= memoryBytes / 8; alignment *= 2) {
    // A boundary at or below the phase would contradict it.
    if (alignment <= alignedPhase) continue
    for (let i = 0; i < 4; i++) {
      const offset = alignment > OFFSET_UNIT_BYTES ? random.below(4) * OFFSET_UNIT_BYTES : 0
      driver.allocateAligned(random.size(sizes.minimum, sizes.maximum), alignment, offset)
      driver.allocate(random.size(sizes.minimum, sizes.maximum))
    }
    driver.verifyAll()
    driver.check()
    driver.freeAll(random.shuffled([...driver.live.values()]).slice(0, driver.live.size >> 1))
  }
  driver.freeAll()
  settleAccounts(driver)
}

function zeroing(kit: Kit): void {
  const { minimum, maximum } = kit.settings.sizes
  const driver: Driver = kit.driver()
  const fresh = driver.allocateZeroed(maximum)
  if (fresh === null) driver.fail('zeroed', `fresh, it refuses ${maximum} bytes`)
  const random = new Random(12)
  for (let round = 0; round < 3; round++) {
    exhaust(driver, maximum)
    driver.freeAll(random.shuffled([...driver.live.values()]))
    for (let i = 0; i < 24; i++) {
      driver.allocateZeroed(random.size(minimum, maximum))
      if (i % 3 === 2 && driver.live.size > 0) driver.free(random.pick([...driver.live.values()]))
    }
    driver.verifyAll()
    driver.check()
  }
  driver.freeAll()
  settleAccounts(driver)
}

function dividing(kit: Kit): void {
  const { maximum } = kit.settings.sizes
  const count = exhaust(kit.driver(), maximum).length
  const driver: Driver = kit.driver()
  const random = new Random(13)
  const { alignment } = driver.allocator
  const whole = driver.allocate(maximum)
  const neighbour = driver.allocate(maximum)
  if (whole === null) driver.fail('recovery', 'a fresh allocator has no room')
  if (whole.good % alignment !== 0) {
    driver.fail('divisible', `the good size ${whole.good} is no multiple of ${alignment}`)
  }
  for (const part of random.shuffled(divide(driver, whole, random))) {
    driver.free(part)
    driver.verifyAll()
    driver.check()
  }
  if (neighbour !== null) driver.free(neighbour)
  settleAccounts(driver)
  const again = exhaust(driver, maximum).length
  if (again < count) {
    driver.fail('divisible', `after parts were given back there is room for ${again}, not ${count}`)
  }
}

/** Makes a live block into up to eight live parts, multiples of the alignment. */
function divide(driver: Driver, whole: Block, random: Random): Block[] {
  // The pattern is a word: parts of whole words carry it on.
  const unit = Math.max(driver.allocator.alignment, 4)
  const cuts = new Set([0])
  for (let i = 0; i < 7; i++) cuts.add(random.below(Math.max(1, whole.good / unit)) * unit)
  const starts = [...cuts].sort((a, b) => a - b)
  driver.live.delete(whole.address)
  return starts.map((start, index) => {
    const size = (starts[index + 1] ?? whole.good) - start
    const part = { address: whole.address + start, size, good: size, word: whole.word }
    driver.live.set(part.address, part)
    return part
  })
}

function trimming(kit: Kit): void {
  const driver: Driver = kit.driver()
  const { sizes, tableBytes } = kit.settings
  const { parent, startBytes } = driver.world
  const random = new Random(15)
  const trim = (): void => {
    const before = parent.outstandingBytes
    const bytes = driver.perform('trim()', () => driver.allocator.trim?.() ?? 0)
    const back = before - parent.outstandingBytes
    if (bytes !== back) driver.fail('trim', `it says ${bytes} bytes, the parent got ${back}`)
    driver.verifyAll()
    driver.check()
  }
  trim()
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 200; i++) driver.allocate(random.size(sizes.minimum, sizes.maximum))
    driver.freeAll(random.shuffled([...driver.live.values()]).slice(0, 150))
    trim()
    // Those that are left, and new ones, live on in what was kept.
    for (let i = 0; i < 50; i++) driver.allocate(random.size(sizes.minimum, sizes.maximum))
    trim()
    driver.freeAll(random.shuffled([...driver.live.values()]))
    trim()
    const kept = parent.outstandingBytes - startBytes
    if (kept > tableBytes) driver.fail('trim', `nothing is live, but ${kept} bytes are kept`)
  }
  settleAccounts(driver)
}

function owning(kit: Kit): void {
  const { sizes } = kit.settings
  const driver: Driver = kit.driver()
  const random = new Random(14)
  const owns = (address: number): boolean =>
    driver.perform(`owns(${address})`, () => driver.allocator.owns?.(address) === true)
  for (let i = 0; i < 50; i++) driver.allocate(random.size(sizes.minimum, sizes.maximum))
  for (const { address } of driver.live.values()) {
    if (!owns(address)) driver.fail('owner', 'it is false for a live block')
  }
  const foreign = [0, driver.memory.base + 16, driver.memory.byteLength]
  if (kit.hasParent) foreign.push(driver.world.failing.allocate(driver.allocator.alignment))
  for (const address of foreign) {
    if (owns(address)) driver.fail('owner', 'it is true for an address it never handed out')
  }
}
