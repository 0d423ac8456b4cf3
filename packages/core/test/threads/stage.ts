/**
 * Killing a thread at every store of an operation, and looking at what the survivors find: the heap is clean, no live
 * block is lost, changed or handed out twice, at most one block is leaked, and allocation goes on.
 */
import {
  type Address,
  type DeathReport,
  Heap,
  type HeapHandle,
  type HeapOptions,
  WouldBlockError,
} from '@vmalloc/core'
import { WASM_PAGE_BYTES } from '@vmalloc/memory'
import { damage, fill, KIB, MIB, mallocOrFail, usedBlocks } from '../support/tools.ts'
import { Lifeline } from './mortal.ts'
import { LONG } from './tools.ts'

export interface Live {
  readonly address: Address
  readonly size: number
  readonly cookie: number
}

/** What must still be there, and what the dying thread was about to free or to move. */
export interface Cast {
  readonly live: Live[]
  readonly inFlight: Live[]
  /** Ready blocks that are leaked with a list in which a link was overwritten. */
  lost: number
}

export interface Scene<Props> {
  readonly options: HeapOptions
  /** Blocks that the operation may have handed out when the thread dies, and nobody knows of, beyond one. */
  readonly orphans?: number
  /** In a memory that a program made, from this many bytes on. */
  readonly foreignFrom?: number
  /** By the thread that is going to die, without danger. */
  prepare(heap: Heap, cast: Cast): Props
  /** The operation it dies in. */
  act(heap: Heap, props: Props): void
}

export interface Toll {
  /** Stores of the operation when nobody dies. */
  readonly stores: number
  readonly deaths: number
  readonly heldLock: number
  readonly leaked: number
}

const MAXIMUM = 4 * MIB
const SECRET = 0x5eed
/** In CI, so many deaths of an operation are tried; all with `VMALLOC_LONG=1`. */
const MOST_DEATHS = LONG ? Number.POSITIVE_INFINITY : 250

let nextCookie = 1

/** Allocates a block, fills it, and expects it to survive. */
export function keep(heap: Heap, cast: Cast, size: number): Live {
  nextCookie += 7919
  const block = { address: mallocOrFail(heap, size), size, cookie: nextCookie }
  fill(heap, block.address, size, block.cookie)
  cast.live.push(block)
  return block
}

/** The block may go, move or be cut: the dying thread works on it. */
export function release(cast: Cast, block: Live): Live {
  cast.live.splice(cast.live.indexOf(block), 1)
  cast.inFlight.push(block)
  return block
}

/** A heap frozen in time, from which any number of copies start. */
export interface Frozen {
  readonly bytes: Uint8Array
  /** Where the heap begins. */
  readonly base: Address
  readonly cast: Cast
  /** Threads that are dead already, and not reported. */
  readonly dead: readonly number[]
}

function copyOf({ live, inFlight, lost }: Cast): Cast {
  return { live: [...live], inFlight: [...inFlight], lost }
}

export function freeze(
  { memory, base }: HeapHandle,
  cast: Cast,
  dead: readonly number[] = [],
): Frozen {
  return {
    // Of the memory itself: a handle that a death is tied to shows proxies.
    bytes: new Uint8Array((memory as WebAssembly.Memory).buffer).slice(),
    base,
    cast: copyOf(cast),
    dead,
  }
}

/** Sets up the scene up to the point at which the operation begins. */
export function open<Props>(scene: Scene<Props>): Frozen {
  const { options, foreignFrom } = scene
  const common = { maximum: MAXIMUM, secret: SECRET, ...options }
  const heap =
    foreignFrom === undefined
      ? Heap.create({ shared: true, ...common })
      : Heap.create({ memory: newMemory(2), base: foreignFrom, ...common })
  const cast: Cast = { live: [], inFlight: [], lost: 0 }
  for (const size of [10, 60, 200, 900, 3000, 20_000, 140 * KIB]) keep(heap, cast, size)
  // Holes between them, and blocks that this thread keeps ready.
  const holes = [10, 30, 60, 200, 900, 3000].map((size) => mallocOrFail(heap, size))
  for (const hole of holes) heap.free(hole)
  heap.check()
  return freeze(heap.handle, cast)
}

function newMemory(pages: number): WebAssembly.Memory {
  return new WebAssembly.Memory({
    initial: pages,
    maximum: MAXIMUM / WASM_PAGE_BYTES,
    shared: true,
  })
}

let spare: WebAssembly.Memory | undefined

/** A memory with the bytes of a frozen heap; the same one again as long as it does not grow. */
function thaw({ bytes, base }: Frozen): HeapHandle {
  if (spare?.buffer.byteLength !== bytes.length) spare = newMemory(bytes.length / WASM_PAGE_BYTES)
  Reflect.deleteProperty(spare, 'grow')
  new Uint8Array(spare.buffer).set(bytes)
  return { memory: spare, base }
}

/** The k for which a death at the k-th store is tried: all, or the first, the last and some between. */
function deathsOf(stores: number, most: number): number[] {
  const all = Array.from({ length: stores }, (_, k) => k)
  if (stores <= most) return all
  const edge = most / 4
  const stride = (stores - 2 * edge) / (2 * edge)
  return all.filter((k) => k < edge || k >= stores - edge || Math.floor(k % stride) === 0)
}

/**
 * Kills at every store, or at so many as `most` says. @returns What it cost. @throws Error that names the store.
 */
export function play<Props>(
  scene: Scene<Props>,
  frozen: Frozen = open(scene),
  most: number = MOST_DEATHS,
): Toll {
  const rehearsal = perform(scene, frozen, Number.POSITIVE_INFINITY)
  const toll = { stores: rehearsal.stores, deaths: 0, heldLock: 0, leaked: 0 }
  for (const k of deathsOf(rehearsal.stores, most)) {
    try {
      const { died, heldLock, leaked } = perform(scene, frozen, k)
      if (!died) throw new Error('it did not die')
      toll.deaths++
      if (heldLock) toll.heldLock++
      toll.leaked += leaked
    } catch (error) {
      throw new Error(`death at store ${k} of ${rehearsal.stores}: ${String(error)}`, {
        cause: error,
      })
    }
  }
  return toll
}

interface Performance {
  readonly stores: number
  readonly died: boolean
  readonly heldLock: boolean
  readonly leaked: number
}

function perform<Props>(scene: Scene<Props>, frozen: Frozen, limit: number): Performance {
  const { victim, lifeline, cast, died, handle } = kill(scene, frozen, limit)
  const survivor = Heap.attach(handle)
  const reports = reportAll(survivor, [...frozen.dead, victim.threadId])
  const leaked = inspect(survivor, cast)
  if (leaked > reports.length + (scene.orphans ?? 0) && died)
    throw new Error(`${leaked} blocks are leaked`)
  return {
    stores: lifeline.stores,
    died,
    heldLock: reports.some(({ heldLock }) => heldLock),
    leaked,
  }
}

/** In whatever order it can be done: whoever holds the lock must be reported first. */
function reportAll(heap: Heap, dead: readonly number[]): DeathReport[] {
  const reports: DeathReport[] = []
  const waiting = [...dead]
  heap.patienceMs = 0
  for (let tries = 0; waiting.length > 0; tries++) {
    const id = waiting.shift() as number
    try {
      reports.push(heap.reportDead(id))
    } catch (error) {
      if (!(error instanceof WouldBlockError) || tries > dead.length) throw error
      waiting.push(id)
    }
  }
  heap.patienceMs = Number.POSITIVE_INFINITY
  return reports
}

/** Lets the scene play in a copy of a frozen heap up to its `limit`-th store. */
export function kill<Props>(
  scene: Scene<Props>,
  frozen: Frozen,
  limit: number,
): { victim: Heap; handle: HeapHandle; lifeline: Lifeline; cast: Cast; died: boolean } {
  const handle = thaw(frozen)
  const cast = copyOf(frozen.cast)
  const victim = Heap.attach(handle)
  const props = scene.prepare(victim, cast)
  const lifeline = new Lifeline()
  lifeline.tie(victim.memory)
  const died = lifeline.run(limit, () => scene.act(victim, props))
  return { victim, handle, lifeline, cast, died }
}

/** @returns Blocks in use that nobody expects. @throws Error for what is lost, changed, or doubled. */
function inspect(heap: Heap, { live, inFlight, lost }: Cast): number {
  heap.check()
  verify(heap, live)
  // No page that the memory grew by is lost, if it was the heap that made it grow.
  const { memory } = heap.handle
  const reach = memory instanceof WebAssembly.Memory ? memory.buffer.byteLength : 0
  const { reserved } = heap.stats()
  if (reserved !== reach && heap.memory.own)
    throw new Error(`the heap has ${reserved} of ${reach} bytes`)
  const leaked = countUnexpected(heap, [...live, ...inFlight])
  // Allocation goes on, and touches nothing that is in use.
  const fresh: Cast = { live: [], inFlight: [], lost: 0 }
  for (const size of [1, 20, 40, 64, 65, 300, 1000, 5000, 30_000, 150_000]) {
    for (let i = 0; i < 3; i++) keep(heap, fresh, size)
  }
  verify(heap, live)
  verify(heap, fresh.live)
  for (const { address } of [...fresh.live, ...live]) heap.free(address)
  heap.check()
  const rest = heap.stats().blocks
  if (rest > leaked + inFlight.length + lost)
    throw new Error(`${rest} blocks are left of ${leaked}`)
  return leaked
}

function verify(heap: Heap, blocks: readonly Live[]): void {
  for (const { address, size, cookie } of blocks) {
    const at = damage(heap, address, size, cookie)
    if (at >= 0) throw new Error(`byte ${at} of the ${size} bytes at ${address} changed`)
  }
}

function countUnexpected(heap: Heap, expected: readonly Live[]): number {
  const addresses = new Set(expected.map(({ address }) => address))
  return usedBlocks(heap).filter(({ address }) => !addresses.has(address)).length
}
