/**
 * Which calls of which layers are watched in the life of an allocation, and why they happen.
 *
 * The parts of a heap are given to whoever composes it. The gates above them, session, lock and thread caches, are
 * nobody's business but the heap's: they are found by name, and a name that is gone is an error at once.
 */
import type { Heap, HeapParts } from '@vmalloc/core'

/** A method of one object, and what it does, for people. */
export interface Watched {
  readonly target: object
  readonly layer: string
  readonly method: string
  readonly why: string
  /** What came of it. */
  readonly result?: string
  /** Whether only the first call is followed. */
  readonly once?: boolean
  /** Called with what it returned. */
  readonly onAnswer?: (answer: object) => void
}

/** The strategies, their source, and the marks. */
export function partsOf({ medium, marking }: HeapParts): readonly Watched[] {
  return [
    {
      target: medium.layer,
      layer: 'medium strategy',
      method: 'allocate',
      why: '100 bytes and 16 of marks are more than the last pool holds and less than 128 KiB: a medium block. It looks for a free one by two bit scans.',
      once: true,
    },
    {
      target: medium.source,
      layer: 'address space',
      method: 'allocate',
      why: 'The strategy has no free block that is long enough, and asks for a region of whole pages.',
      once: true,
    },
    {
      target: marking,
      layer: 'marking',
      method: 'markCached',
      why: 'A header for a block that a thread will keep ready: size, and a magic in the state "cached". Its footer comes when it is handed out.',
      once: true,
    },
    {
      target: marking,
      layer: 'marking',
      method: 'fromCached',
      why: 'The magic in the header changes from "cached" to "used", and the footer mirrors the header. From here on a write past either end is found.',
    },
    {
      target: marking,
      layer: 'marking',
      method: 'toCached',
      why: 'Both marks were verified. The header says "cached" now: a second free of this block would be told from damage.',
    },
  ]
}

/** What a call passes before the arena. @param onCache - Given the thread's cache as soon as it has one. */
export function gatesOf(heap: Heap, onCache: (cache: object) => void): readonly Watched[] {
  const session = member(heap, 'session')
  const mutex: unknown = Reflect.get(session, 'mutex')
  const lock: readonly Watched[] =
    typeof mutex === 'object' && mutex !== null
      ? [
          {
            target: mutex,
            layer: 'lock',
            method: 'lock',
            why: 'Below here the arena belongs to all threads: one compare-exchange of the lock word, from 0 to the id of this thread.',
          },
        ]
      : []
  return [
    {
      target: heap,
      layer: 'front',
      method: 'malloc',
      why: 'The front looks at the number: a whole one, and not too large. Nothing has happened yet.',
      result: 'The address of the payload, a multiple of 16. A lock that was taken is free again.',
    },
    {
      target: heap,
      layer: 'front',
      method: 'free',
      why: 'The front looks at the number. 0 would be nothing to free.',
      result: 'No lock was taken, and no strategy asked.',
    },
    {
      target: session,
      layer: 'thread cache',
      method: 'takeReady',
      why: 'Does this thread keep a block of this size ready? Then neither the lock nor any layer below is needed.',
      result: '0: nothing was ready. Any other number is the payload.',
    },
    {
      target: session,
      layer: 'thread cache',
      method: 'keepReady',
      why: 'The block goes to the list of the thread that frees it, whoever allocated it.',
      result: 'It is linked in; the link is sealed, and proved before it is followed.',
    },
    ...lock,
    {
      target: member(session, 'slots'),
      layer: 'thread cache',
      method: mutex === null ? 'only' : 'acquire',
      why: 'The first slow call of a thread: it gets a slot, where its lists will lie.',
      onAnswer: onCache,
    },
  ]
}

/** The thread's own lists. */
export function cacheOf(cache: object): readonly Watched[] {
  return [
    {
      target: cache,
      layer: 'thread cache',
      method: 'refill',
      why: 'While the lock is held, a whole batch of blocks is taken: the next calls need no lock.',
      result: 'All blocks of the batch are marked and linked; the first of them is for this call.',
    },
  ]
}

function member(object: object, name: string): object {
  const found: unknown = Reflect.get(object, name)
  if (typeof found !== 'object' || found === null) throw new TypeError(`a heap has no ${name}`)
  return found
}
