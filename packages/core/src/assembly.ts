/** Putting a heap together in a memory, and joining one: the two sites at which a composition assembles its parts. */
import { isCacheable } from '@vmalloc/marking'
import {
  AddressSpace,
  Memory,
  MemoryError,
  type MemoryHandle,
  type MemoryOptions,
  publish,
  type RegionAllocator,
  reachOf,
  requireOption,
  roundUp,
} from '@vmalloc/memory'
import { Arena } from './arena.ts'
import {
  ARENA_CONTROL_BYTES,
  ARENA_MAGIC,
  ARENA_NAME_OFFSET_BYTES,
  ARENA_VERSION,
} from './arena-layout.ts'
import type { AssemblySite, Composition, LayerClass, Part } from './composition.ts'
import { SETTINGS_BYTES, type Settings, writeSettings } from './settings.ts'
import type { ThreadCacheOptions } from './threads/cache-classes.ts'
import { CACHE_CONTROL_NAME, CacheSlots } from './threads/cache-slots.ts'

const CONTROL_NAME = 'heap'
const NAME_BYTES = 16
/** Room for the superblock's alignments of the two control blocks that every heap has. */
const ALIGNMENT_ROOM_BYTES = 256

/** A heap put together: its arena, and the thread caches if it has any. */
export interface Assembled {
  readonly arena: Arena
  readonly slots: CacheSlots | undefined
}

/** Formats a heap. Nobody can attach before it is complete. */
export function createArena(
  options: MemoryOptions,
  composition: Composition,
  threadCache: ThreadCacheOptions | false,
  settings: Settings = { flags: 0, softLimit: 0 },
): Assembled {
  if (options.memory === null) throw new MemoryError('BAD_MEMORY', 'memory is null')
  requireOption(
    typeof composition.name === 'string' && /^[\x21-\x7e]{1,16}$/.test(composition.name),
    'composition.name',
    composition.name,
    '1 to 16 printable ASCII characters',
  )
  // Not a number when an option is none: `Memory.create` looks at each of them and names the one.
  const maximum = reachOf(options) || 0
  const controlBytes =
    AddressSpace.controlBytes(maximum) +
    ARENA_CONTROL_BYTES +
    SETTINGS_BYTES +
    CacheSlots.controlBytes() +
    ALIGNMENT_ROOM_BYTES +
    composition.controlBytes(maximum)
  const memory = Memory.create({ ...options, controlBytes: roundUp(controlBytes, 64) })
  const space = AddressSpace.create(memory)
  const control = memory.reserveControl(CONTROL_NAME, ARENA_CONTROL_BYTES)
  for (let i = 0; i < composition.name.length; i++) {
    memory.u8[control + ARENA_NAME_OFFSET_BYTES + i] = composition.name.charCodeAt(i)
  }
  writeSettings(memory, settings)
  const parts = composition.assemble(new Site(space, true))
  memory.u32[(control + 4) >>> 2] = ARENA_VERSION
  memory.u32[control >>> 2] = ARENA_MAGIC
  const arena = new Arena(space, control, parts)
  const slots = threadCache === false ? undefined : createSlots(arena, threadCache)
  publish(memory)
  return { arena, slots }
}

/**
 * Joins the heap at `handle`.
 *
 * @param choose - Gives the composition for the name written in the heap.
 */
export function attachArena(
  handle: MemoryHandle,
  choose: (name: string) => Composition,
): Assembled {
  const memory = attachMemory(handle)
  const control = memory.findControl(CONTROL_NAME)
  const { u32, u8 } = memory
  if (u32[control >>> 2] !== ARENA_MAGIC || u32[(control + 4) >>> 2] !== ARENA_VERSION) {
    throw new MemoryError('NOT_A_HEAP', 'the control block of the heap is damaged', control)
  }
  let name = ''
  for (let i = 0; i < NAME_BYTES; i++) {
    const code = u8[control + ARENA_NAME_OFFSET_BYTES + i]
    if (code !== 0) name += String.fromCharCode(code)
  }
  const space = AddressSpace.attach(memory)
  const arena = new Arena(space, control, choose(name).assemble(new Site(space, false)))
  const cacheControl = memory.hasControl(CACHE_CONTROL_NAME)
    ? memory.findControl(CACHE_CONTROL_NAME)
    : 0
  return { arena, slots: cacheControl === 0 ? undefined : CacheSlots.attach(arena, cacheControl) }
}

function createSlots(arena: Arena, options: ThreadCacheOptions): CacheSlots | undefined {
  if (!isCacheable(arena.marking)) return undefined
  const { memory, space } = arena
  const control = memory.reserveControl(CACHE_CONTROL_NAME, CacheSlots.controlBytes())
  return CacheSlots.create(arena, control, space.source(CACHE_CONTROL_NAME), options)
}

/**
 * Another thread may grow the memory between our look at its length and our look at the superblock, which then names
 * more bytes than we saw: look again, as often as it has grown meanwhile.
 */
function attachMemory(handle: MemoryHandle): Memory {
  const { memory } = handle
  const grows =
    memory instanceof WebAssembly.Memory && !(memory.buffer instanceof ArrayBuffer) ? memory : null
  for (;;) {
    const known = grows?.buffer.byteLength
    try {
      return Memory.attach(handle)
    } catch (error) {
      // An empty growth makes the engine look again; on shared memory it detaches nothing.
      grows?.grow(0)
      if (grows?.buffer.byteLength === known) throw error
    }
  }
}

class Site implements AssemblySite {
  readonly memory: Memory
  readonly space: AddressSpace
  readonly creating: boolean

  constructor(space: AddressSpace, creating: boolean) {
    this.memory = space.memory
    this.space = space
    this.creating = creating
  }

  layer<Layer extends RegionAllocator, Options>(
    name: string,
    type: LayerClass<Layer, Options>,
    options: Options,
  ): Part<Layer> {
    const { memory, space } = this
    if (!this.creating) {
      // Asked for first: `source` would enter the name into a heap that is not ours.
      if (!space.hasSource(name))
        throw new MemoryError('NOT_A_HEAP', `the heap has no pages for "${name}"`)
      const source = space.source(name)
      return { name, source, layer: type.attach(memory, memory.findControl(name), source) }
    }
    const source = space.source(name)
    const control = memory.reserveControl(name, type.controlBytes(memory.maximum))
    return { name, source, layer: type.create(memory, control, source, options) }
  }
}
