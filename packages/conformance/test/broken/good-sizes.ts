/** Good sizes that are not, and frees that depend on the size. */
import { GRANULE_BYTES } from '../byte-map.ts'
import { type Broken, detour, spoil } from './spoil.ts'

export const goodSizes: readonly Broken[] = [
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
