/**
 * How a heap is put together: a composition assembles the parts, the same way for the creator and for each attacher.
 *
 * `assemble` is one function for both: the site it gets formats each layer when the heap is created, and joins it when
 * a thread attaches.
 */
import type { GuardedBlocks, Kind, Marking } from '@vmalloc/marking'
import type { Address, AddressSpace, Memory, PageSource, RegionAllocator } from '@vmalloc/memory'
import type { Arena } from './arena.ts'
import type { BreakOptions } from './debug/debug-options.ts'
import type { CacheSlots } from './threads/cache-slots.ts'
import type { Session } from './threads/session.ts'

/** A strategy that can be formatted in a memory and joined later: what all layers of vmalloc are. */
export interface LayerClass<Layer, Options> {
  /** @param maximum - Bytes the memory can reach. */
  controlBytes(maximum: number): number
  create(memory: Memory, control: Address, parent: RegionAllocator, options: Options): Layer
  attach(memory: Memory, control: Address, parent: RegionAllocator): Layer
}

/** Where a heap is being put together. */
export interface AssemblySite {
  readonly memory: Memory
  readonly space: AddressSpace
  /** `true` when the heap is being created, `false` when a thread joins it. */
  readonly creating: boolean
  /** Creates or joins a layer; `name` tells layers apart and names their pages in `AddressSpace.maps`. */
  layer<Layer extends RegionAllocator, Options>(
    name: string,
    type: LayerClass<Layer, Options>,
    options: Options,
  ): Part<Layer>
}

/** A layer and the pages it gets. */
export interface Part<Layer extends RegionAllocator = RegionAllocator> {
  readonly name: string
  readonly layer: Layer
  readonly source: PageSource
}

/** A pool for small requests: serves payloads up to `maxPayload` bytes. */
export interface SmallPart extends Part {
  readonly maxPayload: number
}

/** What a heap consists of. */
export interface HeapParts {
  readonly marking: Marking
  /** Pools by rising `maxPayload`; the last one bounds what is small. */
  readonly small: readonly SmallPart[]
  readonly medium: Part
  readonly large: Part
  /** Bytes from which on a request is large. */
  readonly largeFrom: number
  /** What a debugging preset does around the arena. */
  readonly guard?: Guard
}

/** @internal The way into the arena of a heap that guards its blocks, instead of the plain one. */
export interface Guard {
  readonly blocks: GuardedBlocks
  session(arena: Arena, slots: CacheSlots | undefined, options: BreakOptions): Session
}

/** A recipe for a heap. Give your own to `Heap.create` and to every `Heap.attach`. */
export interface Composition {
  /** 1 to 16 ASCII characters, written into the heap: attaching with another composition is refused. */
  readonly name: string
  /** Bytes of control area that the layers take together. */
  controlBytes(maximum: number): number
  assemble(site: AssemblySite): HeapParts
}

/** @internal Kinds of the parts in the order of their numbers. */
export function kindOf(parts: HeapParts, tag: number): Kind | -1 {
  if (tag === parts.medium.source.tag) return 1
  if (tag === parts.large.source.tag) return 2
  return parts.small.some((part) => part.source.tag === tag) ? 0 : -1
}
