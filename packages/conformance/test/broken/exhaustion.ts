/** Wrong when there is no room, and after. */
import { type Broken, detour, spoil } from './spoil.ts'

export const exhaustion: readonly Broken[] = [
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
