/** The lock, and the counting of blocks beside running threads, as small models, in every interleaving. */
import { expect, test } from 'vitest'
import { explore, type Next, type Step } from './explore.ts'

const WAITERS = 0x100

interface LockState {
  word: number
  /** Threads asleep on the word, in order. */
  queue: number[]
  woken: number[]
  /** What each thread last read from the word. */
  seen: number[]
  inside: number[]
  rounds: number[]
}

/** Mutex.lock and unlock as in mutex.ts, without spinning and without slices: every sleeper needs its wake-up. */
function lockProgram(options: { readonly takeWithWaiters: boolean }): Step<LockState>[] {
  const ENTER = 0
  const LOOK = 1
  const TAKE = 2
  const MARK = 3
  const SLEEP = 4
  const LEAVE = 5
  const WAKE = 6
  return [
    // ENTER: compareExchange(word, 0, id)
    (state, self): Next => {
      if (state.word !== 0) return LOOK
      state.word = self + 1
      state.inside.push(self)
      return LEAVE
    },
    // LOOK: load(word)
    (state, self): Next => {
      state.seen[self] = state.word
      return state.word === 0 ? TAKE : (state.word & WAITERS) !== 0 ? SLEEP : MARK
    },
    // TAKE: compareExchange(word, 0, id | waiters)
    (state, self): Next => {
      if (state.word !== 0) return LOOK
      state.word = (self + 1) | (options.takeWithWaiters ? WAITERS : 0)
      state.inside.push(self)
      return LEAVE
    },
    // MARK: compareExchange(word, seen, seen | waiters)
    (state, self): Next => {
      const seen = state.seen[self] as number
      if (state.word !== seen) return LOOK
      state.word = seen | WAITERS
      state.seen[self] = state.word
      return SLEEP
    },
    // SLEEP: Atomics.wait(word, seen)
    (state, self): Next => {
      if (state.word !== state.seen[self]) return LOOK
      state.queue.push(self)
      return 'sleep'
    },
    // LEAVE: exchange(word, 0)
    (state, self): Next => {
      state.inside.splice(state.inside.indexOf(self), 1)
      state.seen[self] = state.word
      state.word = 0
      return WAKE
    },
    // WAKE: notify(word, 1)
    (state, self): Next => {
      if (((state.seen[self] as number) & WAITERS) !== 0) {
        const first = state.queue.shift()
        if (first !== undefined) state.woken.push(first)
      }
      state.rounds[self] = (state.rounds[self] as number) - 1
      return (state.rounds[self] as number) > 0 ? ENTER : 'done'
    },
  ]
}

function exploreLock(threads: number, rounds: number, takeWithWaiters: boolean): number {
  const all = <Value>(value: Value): Value[] => Array.from({ length: threads }, () => value)
  return explore<LockState>({
    start: { word: 0, queue: [], woken: [], seen: all(0), inside: [], rounds: all(rounds) },
    threads: all(lockProgram({ takeWithWaiters })),
    wakeTo: 1,
    takeWakeUp: (state, self) => {
      const at = state.woken.indexOf(self)
      if (at >= 0) state.woken.splice(at, 1)
      return at >= 0
    },
    always: ({ inside }) => {
      if (inside.length > 1) throw new Error(`${inside.length} threads are inside`)
    },
    finally: ({ word, queue }) => {
      if (word !== 0 || queue.length > 0) throw new Error('the lock is not free')
    },
  })
}

test.each([
  [2, 3],
  [3, 2],
])('lock: %i threads, %i rounds: one inside, nobody sleeps for ever', (threads, rounds) => {
  expect(exploreLock(threads, rounds, true)).toBeGreaterThan(100)
})

test('the explorer finds the lost wake-up of a lock that is taken without the waiters bit', () => {
  expect(() => exploreLock(3, 2, false)).toThrow('nobody can go on')
})

interface CountState {
  /** Headers of the blocks. */
  header: ('free' | 'cached' | 'used')[]
  list: number[]
  ready: number
  taken: number
  counted: number
  arena: number
}

const HOT: Record<string, ((state: CountState) => void)[]> = {
  // ThreadCache.allocate: header, list, count.
  allocate: [
    (s) => {
      s.header[s.list[0] as number] = 'used'
    },
    (s) => void s.list.shift(),
    (s) => void s.ready--,
  ],
  // ThreadCache.free of block 0: list, count, header.
  free: [
    (s) => void s.list.unshift(0),
    (s) => void s.ready++,
    (s) => {
      s.header[0] = 'cached'
    },
  ],
}

const heldBy = (state: CountState): number =>
  state.header.filter((header) => header !== 'free').length

/** One thread works in its cache while another, under the lock, counts block by block and sets the arena's counter. */
function exploreCount(names: readonly string[], countOnlyUsed: boolean): number {
  const blocks = 4
  const straight = (actions: ((state: CountState) => void)[]): Step<CountState>[] =>
    actions.map((action, i) => (state): Next => {
      action(state)
      return i + 1 < actions.length ? i + 1 : 'done'
    })
  const counting = Array.from({ length: blocks }, (_, block) => (state: CountState): void => {
    const header = state.header[block]
    if (header === 'used' || (header === 'cached' && !countOnlyUsed)) state.counted++
  })
  return explore<CountState>({
    // Block 0 is in use, 1 and 2 are ready, 3 is free; all three are taken by the thread.
    start: {
      header: ['used', 'cached', 'cached', 'free'],
      list: [1, 2],
      ready: 2,
      taken: 3,
      counted: 0,
      arena: 99,
    },
    threads: [
      straight(names.flatMap((name) => HOT[name] ?? [])),
      straight([
        ...counting,
        (s) => {
          s.arena = s.counted - (countOnlyUsed ? s.taken - s.ready : s.taken)
        },
      ]),
    ],
    always: (state) => {
      if (heldBy(state) !== 3) throw new Error('a block came or went without the lock')
    },
    finally: ({ header, arena, taken, ready }) => {
      const used = header.filter((one) => one === 'used').length
      if (arena + taken - ready !== used) {
        throw new Error(`${used} are in use, ${arena + taken - ready} counted`)
      }
    },
  })
}

test.each([[['allocate']], [['free']], [['free', 'allocate']], [['allocate', 'free', 'allocate']]])(
  'a repair counts right beside a thread that does %j',
  (names) => {
    expect(exploreCount(names, false)).toBeGreaterThan(20)
  },
)

test('the explorer finds that counting used blocks alone would not do', () => {
  expect(() => exploreCount(['free', 'allocate'], true)).toThrow('are in use')
})
