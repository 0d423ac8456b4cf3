/** Refill and flush of thread caches as a small model, in every interleaving: each block is in one place, always. */
import { expect, test } from 'vitest'
import { explore, type Next, type Step } from './explore.ts'

const LIMIT = 2
const BATCH = 2
const NOBODY = -1

interface CacheState {
  lock: number
  /** Free blocks of the arena. */
  arena: number[]
  /** Ready blocks, of each thread. */
  lists: number[][]
  /** Blocks that a thread has from the arena minus those it gave back. */
  taken: number[]
  /** Blocks in use, handed from any thread to any. */
  used: number[]
  /** The block that each thread is moving, and what it last read of the arena. */
  moving: (number | null)[]
  seen: number[][]
}

/** `malloc` through an empty list, `free` into a full one: as in session.ts and thread-cache.ts, a step for each access. */
function program(calls: readonly ('malloc' | 'free')[], locks: boolean): Step<CacheState>[] {
  const steps: Step<CacheState>[] = []
  const lock =
    (to: number): Step<CacheState> =>
    (state, self) => {
      if (!locks) return to
      if (state.lock !== NOBODY) return to - 1
      state.lock = self
      return to
    }
  const unlock =
    (to: number): Step<CacheState> =>
    (state) => {
      state.lock = NOBODY
      return to
    }
  const read =
    (to: number): Step<CacheState> =>
    (state, self) => {
      state.seen[self] = [...state.arena]
      return to
    }
  calls.forEach((call, index) => {
    const from = steps.length
    const [READ, MOVE, UNLOCK] = [from + 2, from + 3, from + 4]
    const end: Next = index + 1 < calls.length ? from + 5 : 'done'
    if (call === 'malloc') {
      steps.push(
        // Pop a ready block, else refill.
        ({ lists, used }, self) => {
          const block = lists[self]?.shift()
          if (block === undefined) return from + 1
          used.push(block)
          return end
        },
        lock(READ),
        read(MOVE),
        (state, self) => {
          const [block, ...rest] = state.seen[self] as number[]
          if (block === undefined) throw new Error('no room')
          state.arena = rest
          state.lists[self]?.unshift(block)
          state.taken[self] = (state.taken[self] as number) + 1
          return (state.lists[self]?.length ?? 0) < BATCH ? READ : UNLOCK
        },
        unlock(from),
      )
      return
    }
    steps.push(
      // Take a block in use, when there is one, and push it; into a full list only after half of that went back.
      (state, self) => {
        state.moving[self] ??= state.used.shift() ?? null
        const block = state.moving[self]
        if (block === null || block === undefined) return from
        if ((state.lists[self]?.length ?? 0) >= LIMIT) return from + 1
        state.lists[self]?.unshift(block)
        state.moving[self] = null
        return end
      },
      lock(READ),
      read(MOVE),
      (state, self) => {
        const block = state.lists[self]?.shift() as number
        state.arena = [block, ...(state.seen[self] as number[])]
        state.taken[self] = (state.taken[self] as number) - 1
        return UNLOCK
      },
      unlock(from),
    )
  })
  return steps
}

function exploreCaches(calls: readonly (readonly ('malloc' | 'free')[])[], locks: boolean): number {
  const blocks = Array.from({ length: 2 * calls.length * BATCH }, (_, i) => i)
  const each = <Value>(value: Value): Value[] => calls.map(() => structuredClone(value))
  return explore<CacheState>({
    start: {
      lock: NOBODY,
      arena: blocks,
      lists: each<number[]>([]),
      taken: each(0),
      used: [],
      moving: each<number | null>(null),
      seen: each<number[]>([]),
    },
    threads: calls.map((own) => program(own, locks)),
    always: ({ arena, lists, used, moving }) => {
      const places = [...arena, ...lists.flat(), ...used, ...moving.filter((one) => one !== null)]
      if (new Set(places).size !== places.length) throw new Error('a block is in two places')
      if (places.length !== blocks.length) throw new Error('a block is in no place')
      if (lists.some((list) => list.length > LIMIT)) throw new Error('a list is too long')
    },
    finally: ({ lock, lists, taken, used }) => {
      if (lock !== NOBODY) throw new Error('the lock is not free')
      const net = taken.reduce((sum, one) => sum + one, 0)
      if (net !== lists.flat().length + used.length)
        throw new Error(`${net} taken, ${lists.flat().length} ready, ${used.length} in use`)
    },
  })
}

const BOTH = ['malloc', 'malloc', 'malloc', 'free', 'free', 'free'] as const

test('two threads that allocate and free what either made', () => {
  expect(exploreCaches([BOTH, BOTH], true)).toBeGreaterThan(1000)
})

test('one only allocates, the other only frees', () => {
  const producer = ['malloc', 'malloc', 'malloc', 'malloc'] as const
  const consumer = ['free', 'free', 'free', 'free'] as const
  expect(exploreCaches([producer, consumer], true)).toBeGreaterThan(50)
})

test('the explorer finds what happens when a refill or a flush does not take the lock', () => {
  expect(() => exploreCaches([BOTH, BOTH], false)).toThrow(/a block is in (two places|no place)/)
})
