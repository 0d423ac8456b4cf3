/** Leaks, and wrong dealings with the parent. */
import { GRANULE_BYTES } from '../byte-map.ts'
import { type Broken, misuse, spoil } from './spoil.ts'

export const accounts: readonly Broken[] = [
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
