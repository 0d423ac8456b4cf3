/** The ready compositions, and how they are tuned. */
import { Buddy } from '@vmalloc/buddy'
import { Fit } from '@vmalloc/fit'
import { MappedBlocks } from '@vmalloc/large'
import { ClassicMark, DebugMark, Mark32, type Marking, OwnerMark32 } from '@vmalloc/marking'
import { type Memory, MemoryError } from '@vmalloc/memory'
import { ChunkPool } from '@vmalloc/small'
import type { AssemblySite, Composition, Guard, HeapParts, Part, SmallPart } from './composition.ts'
import { createDebugControl, DEBUG_CONTROL_BYTES, findDebugControl } from './debug/debug-layout.ts'
import {
  DEBUG_DEFAULTS,
  type DebugOptions,
  type DebugSettings,
  resolveDebug,
  SAMPLED_DEFAULTS,
} from './debug/debug-options.ts'
import { DebugSession } from './debug/debug-session.ts'
import { LeadRecord } from './debug/lead-record.ts'
import { SampledSession } from './debug/sampled-session.ts'
import {
  type Classes,
  MAX_POOLS,
  OWNER_TAGS,
  readClasses,
  readSettings,
  writeClasses,
} from './settings.ts'
import { resolveTuning, type Tuning } from './tuning.ts'

/** Control blocks lie on cache lines. */
const POOL_CONTROL_ROOM_BYTES = 64

/** What tells the two presets apart besides their sizes. */
interface Style {
  readonly name: string
  /** Whether regions go back to the page source: all but one by themselves, the rest and those of pools at `trim`. */
  readonly release: boolean
  /** Whether a large block ends where the request ends, not where its pages do. */
  readonly exactLarge: boolean
  readonly sizes: Required<Tuning>
  parts(memory: Memory): { readonly marking: Marking; readonly guard?: Guard }
  /** Debugging presets only. */
  readonly debug?: DebugSettings
  /** The strategy for requests between small and large. */
  medium(site: AssemblySite, sizes: Required<Tuning>, marking: Marking): Part
}

const DEFAULT_STYLE: Style = {
  name: 'default',
  release: true,
  exactLarge: false,
  sizes: {
    pools: [16, 32, 48, 64],
    firstRefill: 4096,
    refillCap: 8192,
    largeFrom: 128 * 1024,
    granule: 32,
    regionSize: 16384,
    growth: 0.0625,
    regionCap: 2 ** 20,
  },
  parts: (memory) => ({
    marking:
      (readSettings(memory).flags & OWNER_TAGS) === 0
        ? new Mark32(memory)
        : new OwnerMark32(memory),
  }),
  medium(site, { granule, regionSize, growth, regionCap }, { phase, headerBytes }) {
    return site.layer('medium', Fit, {
      granule,
      regionSize,
      growth,
      regionCap,
      release: this.release,
      phase,
      linkOffset: headerBytes,
    })
  },
}

const CLASSIC_STYLE: Style = {
  name: 'classic',
  release: false,
  exactLarge: true,
  sizes: {
    pools: [64],
    firstRefill: 12288,
    refillCap: 2 ** 30,
    largeFrom: 128 * 1024,
    granule: 128,
    regionSize: 128 * 1024,
    growth: 1,
    regionCap: 2 ** 30,
  },
  parts: (memory) => ({ marking: new ClassicMark(memory) }),
  medium(site, { granule, regionSize, growth, regionCap }, { phase, headerBytes }) {
    return site.layer('medium', Buddy, {
      granule,
      regionSize,
      growth,
      regionCap,
      carveRemainder: false,
      release: this.release,
      phase,
      linkOffset: headerBytes,
    })
  },
}

const DEBUG_STYLE: Style = {
  ...DEFAULT_STYLE,
  name: 'debug',
  // Room for the links of a free block behind a header of 32 bytes.
  sizes: { ...DEFAULT_STYLE.sizes, granule: 64 },
  debug: DEBUG_DEFAULTS,
  parts: (memory) => {
    const marking = new DebugMark(memory)
    const guard: Guard = {
      blocks: marking,
      session: (arena, slots, options) => new DebugSession(arena, slots, marking, options),
    }
    return { marking, guard }
  },
}

const SAMPLED_STYLE: Style = {
  ...DEFAULT_STYLE,
  name: 'sampled',
  debug: SAMPLED_DEFAULTS,
  parts: (memory) => {
    const marking = new Mark32(memory)
    const blocks = new LeadRecord(memory, marking)
    const guard: Guard = {
      blocks,
      session: (arena, slots, options) => new SampledSession(arena, slots, blocks, options),
    }
    return { marking, guard }
  },
}

/** Control bytes of the layers of all presets, alignment to cache lines included. */
function presetControlBytes(maximum: number): number {
  return (
    MAX_POOLS * POOL_CONTROL_ROOM_BYTES +
    Math.max(Buddy.controlBytes(maximum), Fit.controlBytes(maximum)) +
    MappedBlocks.controlBytes() +
    DEBUG_CONTROL_BYTES +
    5 * POOL_CONTROL_ROOM_BYTES
  )
}

function pool(
  site: AssemblySite,
  marking: Marking,
  maxPayload: number,
  sizes: Required<Tuning>,
  release: boolean,
): SmallPart {
  const { phase, headerBytes, footerBytes } = marking
  const { firstRefill, refillCap } = sizes
  const part = site.layer(`small-${maxPayload}`, ChunkPool, {
    chunkSize: headerBytes + maxPayload + footerBytes,
    firstRefill,
    refillCap,
    phase,
    linkOffset: headerBytes,
    release,
  })
  // An attacher reads it from the memory, where somebody may have overwritten it.
  if (part.layer.chunkSize !== headerBytes + maxPayload + footerBytes) {
    const text = `chunks for ${maxPayload} bytes cannot have ${part.layer.chunkSize}`
    throw new MemoryError('NOT_A_HEAP', `the control block of a pool is damaged: ${text}`)
  }
  return { ...part, maxPayload }
}

function compose(style: Style, tuning: Tuning, options: DebugOptions = {}): Composition {
  const debug = style.debug === undefined ? undefined : resolveDebug(style.debug, options)
  const sizes = resolveTuning(style.sizes, tuning)
  return {
    name: style.name,
    controlBytes: presetControlBytes,
    assemble(site): HeapParts {
      const { memory } = site
      if (site.creating) writeClasses(memory, sizes)
      // Who attaches may have been tuned otherwise: what the heap says holds.
      const { pools, largeFrom }: Classes = readClasses(memory)
      const { marking, guard } = style.parts(memory)
      if (debug !== undefined) {
        if (site.creating) createDebugControl(memory, site.space.source('quarantine'), debug)
        else findDebugControl(memory)
      }
      return {
        marking,
        small: pools.map((bytes) => pool(site, marking, bytes, sizes, style.release)),
        medium: style.medium(site, sizes, marking),
        large: site.layer('large', MappedBlocks, {
          phase: marking.phase,
          exact: style.exactLarge,
        }),
        largeFrom,
        ...(guard === undefined ? {} : { guard }),
      }
    },
  }
}

/** Marks of 16 bytes, pools of 16, 32, 48 and 64 bytes, regions that grow with the heap. */
export const defaultComposition: Composition = compose(DEFAULT_STYLE, {})

/**
 * The C original: marks of 32 bytes, one pool of 96-byte chunks whose first refill has 12 288 bytes and each next one
 * twice as much, blocks from 128 bytes, regions of 128 KiB, 256 KiB, 512 KiB ... that are never given back.
 */
export const classicComposition: Composition = compose(CLASSIC_STYLE, {})

/** Every block is guarded: exact sizes, patterns, a quarantine, call stacks. Not for production. */
export const debugComposition: Composition = compose(DEBUG_STYLE, {})

/** The default composition, but that one allocation in a thousand is guarded as in `debug`. */
export const sampledComposition: Composition = compose(SAMPLED_STYLE, {})

/** Ready compositions by the name of their preset. */
export const PRESETS: {
  readonly default: Composition
  readonly classic: Composition
  readonly debug: Composition
  readonly sampled: Composition
} = {
  default: defaultComposition,
  classic: classicComposition,
  debug: debugComposition,
  sampled: sampledComposition,
}

const STYLES: Readonly<Record<Preset, Style>> = {
  default: DEFAULT_STYLE,
  classic: CLASSIC_STYLE,
  debug: DEBUG_STYLE,
  sampled: SAMPLED_STYLE,
}

/** Name of a ready composition. */
export type Preset = keyof typeof PRESETS

/** A preset with other sizes, or other debugging. @throws RangeError naming the option. */
export function tunedPreset(preset: Preset, tuning: Tuning, debug: DebugOptions = {}): Composition {
  return compose(STYLES[preset], tuning, debug)
}

/** Whether blocks of a preset are guarded. */
export function isDebugging(preset: Preset): boolean {
  return STYLES[preset].debug !== undefined
}
