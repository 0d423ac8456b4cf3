/** Broken allocators: each a correct one with one thing wrong, and the law that must find it. */
import type { RegionAllocator } from '@vmalloc/memory'
import type { AbleAllocator, ConformanceOptions, Law, Surroundings } from '../src/index.ts'
import { ByteMap, GRANULE_BYTES } from './byte-map.ts'

export interface Broken {
  readonly name: string
  readonly law: Law
  readonly make: (surroundings: Surroundings) => AbleAllocator
  /** What it claims of itself beyond what all of them do. */
  readonly claims?: Partial<ConformanceOptions>
  readonly attach?: (surroundings: Surroundings) => AbleAllocator
}

type Changes = Partial<AbleAllocator>

/** A correct allocator with some members replaced; the rest goes on working on it. */
function spoil(change: (sound: ByteMap, surroundings: Surroundings) => Changes): Broken['make'] {
  return (surroundings) => {
    const sound = ByteMap.create(surroundings.memory, surroundings.parent)
    return spoilt(sound, change(sound, surroundings))
  }
}

function spoilt(sound: ByteMap, changes: Changes): AbleAllocator {
  return {
    alignment: sound.alignment,
    divisible: true,
    goodSize: (size) => sound.goodSize(size),
    allocate: (size) => sound.allocate(size),
    deallocate: (address, size) => sound.deallocate(address, size),
    allocateAligned: (size, alignment) => sound.allocateAligned(size, alignment),
    allocateZeroed: (size) => sound.allocateZeroed(size),
    resize: (address, oldSize, newSize) => sound.resize(address, oldSize, newSize),
    owns: (address) => sound.owns(address),
    check: () => sound.check(),
    walker: (sizeOfUsed) => sound.walker(sizeOfUsed),
    ...changes,
  }
}

/** A correct allocator over a parent that is passed on with some members replaced. */
function misuse(change: (parent: RegionAllocator) => Partial<RegionAllocator>): Broken['make'] {
  return ({ memory, parent }) =>
    ByteMap.create(memory, {
      alignment: parent.alignment,
      goodSize: (size) => parent.goodSize(size),
      allocate: (size) => parent.allocate(size),
      deallocate: (address, size) => parent.deallocate(address, size),
      ...change(parent),
    })
}

/** Another address than before, without a leak: what an allocator does whose state is not quite the same. */
function detour(sound: ByteMap, size: number): number {
  const other = sound.allocate(1)
  const address = sound.allocate(size)
  if (other !== 0) sound.deallocate(other, 1)
  return address
}

const placement: Broken[] = [
  {
    name: 'blocks overlap by a granule',
    law: 'disjoint',
    make: spoil((sound) => ({
      allocate: (size) => sound.allocate(size > GRANULE_BYTES ? size - GRANULE_BYTES : size),
      deallocate: (address, size) =>
        sound.deallocate(address, size > GRANULE_BYTES ? size - GRANULE_BYTES : size),
    })),
  },
  {
    name: 'a free writes behind the block',
    law: 'disjoint',
    make: spoil((sound, { memory }) => ({
      deallocate: (address, size) => {
        memory.u8[address + sound.goodSize(size)] = 0xee
        sound.deallocate(address, size)
      },
    })),
  },
  {
    name: 'a block that the parent did not give',
    law: 'disjoint',
    make: spoil((sound, { memory }) => ({
      allocate: (size) => (sound.allocate(size) === 0 ? 0 : memory.byteLength - 32 * GRANULE_BYTES),
    })),
  },
  {
    name: 'a block beyond the memory',
    law: 'disjoint',
    make: spoil((_, { memory }) => ({ allocate: () => memory.byteLength })),
  },
  {
    name: 'addresses off by 8',
    law: 'alignment',
    make: spoil((sound) => ({
      allocate: (size) => {
        const address = sound.allocate(size + 8)
        return address === 0 ? 0 : address + 8
      },
    })),
  },
  {
    name: 'an alignment that is no power of two',
    law: 'alignment',
    make: spoil(() => ({ alignment: 96 })),
  },
]

const goodSizes: Broken[] = [
  {
    name: 'not idempotent',
    law: 'good-size',
    make: spoil((sound) => ({ goodSize: (size) => sound.goodSize(size) + GRANULE_BYTES })),
  },
  {
    name: 'not monotone',
    law: 'good-size',
    make: spoil((sound) => ({ goodSize: (size) => (size === 1 ? 2048 : sound.goodSize(size)) })),
  },
  {
    name: 'less than the size',
    law: 'good-size',
    make: spoil((sound) => ({
      goodSize: (size) => Math.floor(size / GRANULE_BYTES) * GRANULE_BYTES || sound.goodSize(size),
    })),
  },
  {
    name: 'counted in the memory',
    law: 'good-size',
    make: spoil((sound, { memory }) => ({
      goodSize: (size) => {
        memory.u32[(memory.controlEnd >>> 2) - 1] += 1
        return sound.goodSize(size)
      },
    })),
  },
  {
    name: 'not constant',
    law: 'good-size',
    make: spoil((sound) => {
      let used = false
      return {
        allocate: (size) => {
          used = true
          return sound.allocate(size * 2)
        },
        goodSize: (size) => sound.goodSize(used ? size * 2 : size),
      }
    }),
  },
  {
    name: 'a size never served is rounded',
    law: 'good-size',
    claims: { unservedSizes: [100000] },
    make: spoil((sound) => ({ goodSize: (size) => sound.goodSize(size) })),
  },
  {
    name: 'freeing with the good size is another thing',
    law: 'sized-free',
    make: spoil((sound) => {
      let away = false
      return {
        allocate: (size) => (away ? detour(sound, size) : sound.allocate(size)),
        deallocate: (address, size) => {
          away = size % GRANULE_BYTES === 0
          sound.deallocate(address, size)
        },
      }
    }),
  },
]

const exhaustion: Broken[] = [
  {
    name: 'a failed request leaves a count',
    law: 'failure',
    make: spoil((sound, { memory }) => ({
      allocate: (size) => {
        const address = sound.allocate(size)
        if (address === 0) memory.u32[(memory.controlEnd >>> 2) - 1] += 1
        return address
      },
    })),
  },
  {
    name: 'a failed request changes later answers',
    law: 'failure',
    make: spoil((sound) => {
      let failed = false
      return {
        allocate: (size) => {
          const address = failed ? detour(sound, size) : sound.allocate(size)
          failed = address === 0
          return address
        },
      }
    }),
  },
  {
    name: 'an impossible request is granted',
    law: 'failure',
    make: spoil((sound) => ({ allocate: (size) => sound.allocate(size >= 2 ** 31 ? 1 : size) })),
  },
  {
    name: 'it throws when there is no room',
    law: 'no-throw',
    make: spoil((sound) => ({
      allocate: (size) => {
        const address = sound.allocate(size)
        if (address === 0) throw new Error('out of memory')
        return address
      },
    })),
  },
  {
    name: 'once full, it stays full',
    law: 'recovery',
    make: spoil((sound) => {
      let full = false
      return {
        allocate: (size) => {
          const address = full ? 0 : sound.allocate(size)
          if (address === 0) full = true
          return address
        },
      }
    }),
  },
  {
    name: 'free blocks never join',
    law: 'recovery',
    claims: { returnsToParent: false },
    make: spoil((sound) => {
      const free = new Map<number, number[]>()
      return {
        allocate: (size) => free.get(sound.goodSize(size))?.pop() ?? sound.allocate(size),
        deallocate: (address, size) => {
          const good = sound.goodSize(size)
          free.set(good, [...(free.get(good) ?? []), address])
        },
      }
    }),
  },
]

const accounts: Broken[] = [
  {
    name: 'every seventh free is forgotten',
    law: 'conservation',
    make: spoil((sound) => {
      let frees = 0
      return {
        deallocate: (address, size) => {
          frees += 1
          if (frees % 7 !== 0) sound.deallocate(address, size)
        },
      }
    }),
  },
  {
    name: 'a region is taken and forgotten',
    law: 'conservation',
    claims: { returnsToParent: false },
    make: spoil((sound, { parent }) => {
      let asked = 0
      return {
        allocate: (size) => {
          asked += 1
          if (asked === 20) parent.allocate(GRANULE_BYTES)
          return sound.allocate(size)
        },
      }
    }),
  },
  {
    name: 'a region goes back with another size',
    law: 'parent-contract',
    make: misuse((parent) => ({
      deallocate: (address, size) => parent.deallocate(address, size - 64),
    })),
  },
  {
    name: 'a region goes back twice',
    law: 'parent-contract',
    make: misuse((parent) => ({
      deallocate: (address, size) => {
        parent.deallocate(address, size)
        parent.deallocate(address, size)
      },
    })),
  },
  {
    name: 'a region goes back while a block in it is live',
    law: 'parent-contract',
    make: spoil((sound, { parent }) => {
      const regions = new Map<number, number>()
      return {
        allocate: (size) => {
          const address = parent.allocate(sound.goodSize(size))
          const aligned = Math.ceil(address / GRANULE_BYTES) * GRANULE_BYTES
          if (address === 0 || aligned !== address) return 0
          regions.set(address, sound.goodSize(size))
          if (regions.size === 2) {
            const [first] = regions
            parent.deallocate(...(first as [number, number]))
          }
          return address
        },
        deallocate: () => undefined,
      }
    }),
  },
  {
    name: 'after one refusal the parent is never asked again',
    law: 'parent-failure',
    make: misuse((parent) => {
      let refused = false
      return {
        allocate: (size) => {
          const address = refused ? 0 : parent.allocate(size)
          if (address === 0) refused = true
          return address
        },
      }
    }),
  },
  {
    name: 'of two regions, the first is forgotten when the second is refused',
    law: 'parent-failure',
    make: misuse((parent) => ({
      allocate: (size) => {
        const first = parent.allocate(64)
        const second = parent.allocate(size)
        if (first !== 0 && second !== 0) parent.deallocate(first, 64)
        return second
      },
    })),
  },
]

const handles: Broken[] = [
  {
    name: 'state outside the memory',
    law: 'attach',
    make: spoil((sound) => ({ allocate: (size) => sound.allocate(size) })),
    attach: ({ memory, parent }) => {
      const sound = ByteMap.attach(memory, parent)
      return spoilt(sound, { allocate: (size) => detour(sound, size) })
    },
  },
  {
    name: 'attaching writes',
    law: 'attach',
    make: spoil(() => ({})),
    attach: ({ memory, parent }) => {
      memory.u32[(memory.controlEnd >>> 2) - 1] += 1
      return ByteMap.attach(memory, parent)
    },
  },
]

const abilities: Broken[] = [
  { name: 'resize always refuses', law: 'resize', make: spoil(() => ({ resize: () => false })) },
  { name: 'resize only says yes', law: 'disjoint', make: spoil(() => ({ resize: () => true })) },
  {
    name: 'resize loses a byte',
    law: 'resize',
    make: spoil((sound, { memory }) => ({
      resize: (address, oldSize, newSize) => {
        memory.u8[address] ^= 1
        return sound.resize(address, oldSize, newSize)
      },
    })),
  },
  {
    name: 'resize refuses, and yet writes',
    law: 'resize',
    make: spoil((sound, { memory }) => ({
      resize: (address, oldSize, newSize) => {
        const done = sound.resize(address, oldSize, newSize)
        if (!done) memory.u32[(memory.controlEnd >>> 2) - 1] += 1
        return done
      },
    })),
  },
  {
    name: 'aligned allocation always refuses',
    law: 'aligned',
    make: spoil(() => ({ allocateAligned: () => 0 })),
  },
  {
    name: 'aligned allocation does not align',
    law: 'aligned',
    make: spoil((sound) => ({ allocateAligned: (size) => sound.allocate(size) })),
  },
  {
    name: 'zeroed allocation always refuses',
    law: 'zeroed',
    make: spoil(() => ({ allocateZeroed: () => 0 })),
  },
  {
    name: 'zeroed allocation does not zero',
    law: 'zeroed',
    make: spoil((sound) => ({ allocateZeroed: (size) => sound.allocate(size) })),
  },
  {
    name: 'parts are not taken back',
    law: 'conservation',
    make: spoil((sound) => {
      const sizes = new Map<number, number>()
      return {
        allocate: (size) => {
          const address = sound.allocate(size)
          sizes.set(address, sound.goodSize(size))
          return address
        },
        deallocate: (address, size) => {
          if (sizes.get(address) === sound.goodSize(size)) sound.deallocate(address, size)
        },
      }
    }),
  },
  { name: 'it owns everything', law: 'owner', make: spoil(() => ({ owns: () => true })) },
  { name: 'it owns nothing', law: 'owner', make: spoil(() => ({ owns: () => false })) },
  { name: 'check sees nothing', law: 'check', make: spoil(() => ({ check: () => undefined })) },
  {
    name: 'check is never content',
    law: 'check',
    make: spoil(() => ({
      check: () => {
        throw new Error('something is wrong')
      },
    })),
  },
  {
    name: 'walk lists nothing',
    law: 'walk',
    make: spoil(() => ({ walker: () => () => undefined })),
  },
  {
    name: 'walk takes used for free',
    law: 'walk',
    make: spoil((sound) => ({
      walker: (sizeOfUsed) => (start, size, visit) =>
        sound.walker(sizeOfUsed)(start, size, (address, bytes) => visit(address, bytes, false)),
    })),
  },
  {
    name: 'walk takes free for used',
    law: 'walk',
    make: spoil((sound) => ({
      walker: (sizeOfUsed) => (start, size, visit) =>
        sound.walker(sizeOfUsed)(start, size, (address, bytes) => visit(address, bytes, true)),
    })),
  },
  {
    name: 'walk goes backwards',
    law: 'walk',
    make: spoil((sound) => ({
      walker: (sizeOfUsed) => (start, size, visit) => {
        const pieces: [number, number, boolean][] = []
        sound.walker(sizeOfUsed)(start, size, (...piece) => pieces.push(piece))
        for (const piece of pieces.reverse()) visit(...piece)
      },
    })),
  },
]

export const BROKEN: Record<string, readonly Broken[]> = {
  placement,
  'good size': goodSizes,
  exhaustion,
  accounts,
  handles,
  abilities,
}
