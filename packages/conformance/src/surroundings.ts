/**
 * The world of one case: a fresh memory, a parent that records and can fail, the subject, and the shadow model.
 *
 *     subject -> RecordingParent -> FailingParent -> the parent supplied -> memory
 *                      |
 *                 ShadowModel: what the parent gives is free, what it gets back is invalid
 */
import { Memory, publish, roundUp } from '@vmalloc/memory'
import type { AbleAllocator } from './abilities.ts'
import { BumpParent } from './bump-parent.ts'
import { ConformanceError } from './error.ts'
import { FailingParent } from './failing-parent.ts'
import { NullParent } from './null-parent.ts'
import { RecordingParent } from './recording-parent.ts'
import { ShadowModel } from './shadow-model.ts'
import type { ConformanceOptions, MakeSubject, ParentSupply, Subject } from './subject.ts'

const WASM_PAGE_BYTES = 65536
const LEAST_MEMORY_BYTES = 256 * 1024
/** Fixed, so that two runs of one program leave equal bytes. */
const SECRET = 0x5eed5eed

const BUMP_SUPPLY: ParentSupply = { create: (memory) => new BumpParent(memory) }

/** The options with every default filled in. */
export type Settings = Required<Omit<ConformanceOptions, 'memory' | 'parent'>> & {
  readonly memory: NonNullable<ConformanceOptions['memory']>
  readonly parent: ParentSupply | null
}

export function settle(options: ConformanceOptions): Settings {
  const { minimum, maximum } = options.sizes
  if (
    !(Number.isInteger(minimum) && Number.isInteger(maximum) && 1 <= minimum && minimum <= maximum)
  ) {
    throw new RangeError(
      `sizes is ${minimum} to ${maximum}: two positive whole numbers, the smaller one first`,
    )
  }
  const bytes = options.memoryBytes ?? Math.max(16 * maximum, LEAST_MEMORY_BYTES)
  return {
    unservedSizes: [],
    phase: 0,
    alignedPhase: 0,
    returnsToParent: false,
    tableBytes: 0,
    exactFailure: true,
    seeds: [1, 2, 3, 4, 5, 6],
    steps: 600,
    memory: {},
    ...options,
    memoryBytes: roundUp(bytes, WASM_PAGE_BYTES),
    parent: options.parent === undefined ? BUMP_SUPPLY : options.parent,
  }
}

/** One memory with everything over it. */
export class World {
  readonly settings: Settings
  readonly memory: Memory
  readonly allocator: AbleAllocator
  readonly subject: Subject
  readonly #base: AbleAllocator
  readonly shadow: ShadowModel = new ShadowModel()
  readonly parent: RecordingParent
  readonly failing: FailingParent
  /** Bytes the parent had given when the subject was ready. */
  readonly startBytes: number
  /** Regions the parent had given by then: the subject's own, such as tables. */
  readonly startRegions: ReadonlySet<number>

  /** @param recorded - `false`: nothing stands between subject and parent, and all memory counts as the subject's. */
  constructor(makeSubject: MakeSubject, settings: Settings, recorded = true) {
    this.settings = settings
    this.memory = createMemory(settings)
    const base = settings.parent?.create(this.memory) ?? new NullParent()
    this.#base = base
    this.failing = new FailingParent(base)
    this.parent = new RecordingParent(this.failing, {
      granted: (address, size) => this.shadow.grant(address, size),
      returned: (address, size) => this.shadow.revoke(address, size),
    })
    if (settings.parent === null || !recorded) {
      const first = this.memory.controlEnd
      this.shadow.grant(first, this.memory.maximum - first)
    }
    this.subject = makeSubject({ memory: this.memory, parent: recorded ? this.parent : base })
    this.allocator = this.subject.allocator
    this.startBytes = this.parent.outstandingBytes
    this.startRegions = new Set(this.parent.outstanding().map((region) => region.address))
    publish(this.memory)
  }

  /** Another handle on the subject of an unrecorded world, over another handle on the memory. */
  attach(): { readonly memory: Memory; readonly allocator: AbleAllocator } {
    const memory = Memory.attach(this.memory.handle)
    const attached = this.settings.parent?.attach?.(memory)
    const allocator = this.subject.attach?.({ memory, parent: attached ?? this.#base })
    if (allocator === undefined) throw new ConformanceError('attach', 'the subject cannot attach')
    return { memory, allocator }
  }

  /** A copy of every byte of the memory. */
  snapshot(): Uint8Array {
    return this.memory.refresh().u8.slice()
  }

  /** @returns Address of the first byte that differs from the snapshot, or -1. */
  firstChange(snapshot: Uint8Array): number {
    const now = this.memory.refresh().u8
    const words = new Uint32Array(snapshot.buffer, 0, snapshot.length >>> 2)
    const { u32 } = this.memory
    for (let i = 0; i < words.length; i++) {
      if (words[i] !== u32[i]) {
        let at = i * 4
        while (snapshot[at] === now[at]) at++
        return at
      }
    }
    return -1
  }
}

/** A plain buffer unless memory options were given: cheap enough for the hundreds of worlds that a suite needs. */
function createMemory({ memory, memoryBytes }: Settings): Memory {
  return Object.keys(memory).length === 0
    ? Memory.create({ memory: new ArrayBuffer(memoryBytes), secret: SECRET })
    : Memory.create({ initial: memoryBytes, maximum: memoryBytes, secret: SECRET, ...memory })
}
