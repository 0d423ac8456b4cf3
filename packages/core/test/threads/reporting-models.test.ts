/** The doorbell, and reporting a death whose reporter dies too, as small models, in every interleaving. */
import { expect, test } from 'vitest'
import { explore, type Next, type Step } from './explore.ts'

const ASYNC_WAITERS = 0x100

interface BellState {
  word: number
  doorbell: number
  queue: number[]
  woken: number[]
  seen: number[]
  /** What each thread last read from the doorbell. */
  rings: number[]
  rounds: number[]
}

/** `runAsync`, `Mutex.waitAsync` and `wake`, without slices: every sleeper needs its ring. */
function bellProgram(ringFirst: boolean): Step<BellState>[] {
  const TRY = 0
  const RING = 1
  const LOOK = 2
  const MARK = 3
  const LATE_RING = 4
  const WAIT = 5
  const LEAVE = 6
  const ADD = 7
  const NOTIFY = 8
  const readRing = (state: BellState, self: number): void => {
    state.rings[self] = state.doorbell
  }
  const end = (state: BellState, self: number): Next => {
    state.rounds[self] = (state.rounds[self] as number) - 1
    return (state.rounds[self] as number) > 0 ? TRY : 'done'
  }
  return [
    // TRY: compareExchange(word, 0, id)
    (state, self): Next => {
      if (state.word !== 0) return RING
      state.word = self + 1
      return LEAVE
    },
    // RING: load(doorbell)
    (state, self): Next => {
      if (ringFirst) readRing(state, self)
      return LOOK
    },
    // LOOK: load(word)
    (state, self): Next => {
      state.seen[self] = state.word
      return state.word === 0 ? TRY : MARK
    },
    // MARK: compareExchange(word, seen, seen | waiters)
    (state, self): Next => {
      if (state.word !== state.seen[self]) return TRY
      state.word |= ASYNC_WAITERS
      return LATE_RING
    },
    // What waitAsync must not do.
    (state, self): Next => {
      if (!ringFirst) readRing(state, self)
      return WAIT
    },
    // WAIT: Atomics.waitAsync(doorbell, ring)
    (state, self): Next => {
      if (state.doorbell !== state.rings[self]) return TRY
      state.queue.push(self)
      return 'sleep'
    },
    // LEAVE: exchange(word, 0)
    (state, self): Next => {
      state.seen[self] = state.word
      state.word = 0
      return ((state.seen[self] as number) & ASYNC_WAITERS) !== 0 ? ADD : end(state, self)
    },
    // ADD: add(doorbell, 1)
    (state): Next => {
      state.doorbell++
      return NOTIFY
    },
    // NOTIFY: notify(doorbell)
    (state, self): Next => {
      state.woken.push(...state.queue.splice(0))
      return end(state, self)
    },
  ]
}

function exploreBell(threads: number, rounds: number, ringFirst: boolean): number {
  const all = <Value>(value: Value): Value[] => Array.from({ length: threads }, () => value)
  return explore<BellState>({
    start: {
      word: 0,
      doorbell: 0,
      queue: [],
      woken: [],
      seen: all(0),
      rings: all(0),
      rounds: all(rounds),
    },
    threads: all(bellProgram(ringFirst)),
    wakeTo: 0,
    takeWakeUp: (state, self) => {
      const at = state.woken.indexOf(self)
      if (at >= 0) state.woken.splice(at, 1)
      return at >= 0
    },
    always: () => undefined,
    finally: ({ word, queue }) => {
      if (word !== 0 || queue.length > 0) throw new Error('the lock is not free')
    },
  })
}

test.each([
  [2, 2],
  [3, 1],
])('doorbell: %i waiters, %i rounds: nobody waits for ever', (threads, rounds) => {
  expect(exploreBell(threads, rounds, true)).toBeGreaterThan(50)
})

test('the explorer finds the ring that is missed when the doorbell is read after the mark', () => {
  expect(() => exploreBell(2, 2, false)).toThrow('nobody can go on')
})

const VICTIM = 10
const FIRST_REPORTER = 0

interface ReportState {
  holder: number
  /** Threads that are named as cut short. */
  names: number[]
  /** Threads whose caches may be half changed. */
  unsettled: number[]
  /** Whether the first reporter is dead. */
  dead: boolean
}

/** `reportDeath` of `target`. */
function reporterOf(target: number, nameWords: number): Step<ReportState>[] {
  const LOOK = 1
  const NAME = 2
  const TAKE = 3
  const LOCK = 4
  const CHECK = 5
  const SETTLE = 6
  const CLEAR = 7
  const BURY = 8
  const LEAVE = 9
  const drop = (list: number[], threads: readonly number[]): void => {
    for (const thread of threads) if (list.includes(thread)) list.splice(list.indexOf(thread), 1)
  }
  const steps: Step<ReportState>[] = [
    // Nobody reports without proof.
    (state): Next => (target === VICTIM || state.dead ? LOOK : 0),
    (state): Next => (state.holder === target ? NAME : LOCK),
    (state): Next => {
      if (state.names.length < nameWords && !state.names.includes(target)) state.names.push(target)
      return TAKE
    },
    (state, self): Next => {
      if (state.holder !== target) return LOCK
      state.holder = self
      return CHECK
    },
    (state, self): Next => {
      if (state.holder >= 0) return 'sleep'
      state.holder = self
      return CHECK
    },
    (state): Next => (state.names.length > 0 ? SETTLE : BURY),
    (state): Next => {
      drop(state.unsettled, state.names)
      if (state.unsettled.length > 0)
        throw new Error(`the arena is rebuilt over a list of thread ${state.unsettled[0]}`)
      return CLEAR
    },
    (state): Next => {
      state.names.length = 0
      return BURY
    },
    // Its cache is changed: from here on a death leaves it half changed, under its name.
    (state): Next => {
      if (!state.names.includes(target)) state.names.push(target)
      return LEAVE
    },
    (state): Next => {
      drop(state.names, [target])
      state.holder = -1
      return 'done'
    },
  ]
  return steps.map((step) => (state, self): Next => {
    if (self === FIRST_REPORTER && state.dead) return 'done'
    return step(state, self)
  })
}

/** Two report the same death; the first of them dies anywhere, and a third reports that. */
function exploreReports(nameWords: number): number {
  const killer: Step<ReportState> = (state) => {
    state.dead = true
    if (state.holder === FIRST_REPORTER) state.unsettled.push(FIRST_REPORTER)
    return 'done'
  }
  return explore<ReportState>({
    start: { holder: VICTIM, names: [], unsettled: [VICTIM], dead: false },
    threads: [
      reporterOf(VICTIM, nameWords),
      reporterOf(VICTIM, nameWords),
      reporterOf(FIRST_REPORTER, nameWords),
      [killer],
    ],
    wakeTo: 4,
    takeWakeUp: ({ holder, dead }, self) => holder < 0 || (self === FIRST_REPORTER && dead),
    always: () => undefined,
    finally: ({ holder, unsettled }) => {
      if (holder >= 0) throw new Error(`thread ${holder} still has the lock`)
      if (unsettled.length > 0) throw new Error(`thread ${unsettled[0]} was not settled`)
    },
  })
}

test('two reporters of one death, of whom one dies too: nothing is rebuilt over a list half changed', () => {
  expect(exploreReports(4)).toBeGreaterThan(100)
})

test('the explorer finds that one word for names would not do', () => {
  expect(() => exploreReports(1)).toThrow('rebuilt over a list')
})
