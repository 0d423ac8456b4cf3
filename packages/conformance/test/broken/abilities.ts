/** Abilities that do not do what they promise. */
import { type Broken, spoil } from './spoil.ts'

export const abilities: readonly Broken[] = [
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
    name: 'aligned allocation aligns the start, whatever the offset',
    law: 'aligned',
    make: spoil((sound) => ({
      allocateAligned: (size, alignment) => sound.allocateAligned(size, alignment),
    })),
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
  {
    name: 'trim says more than it does',
    law: 'trim',
    make: spoil(() => ({ trim: () => 4096 })),
  },
  {
    name: 'trim keeps what is free',
    law: 'trim',
    claims: { returnsToParent: false },
    make: spoil((sound) => {
      const kept: number[] = []
      return {
        // All blocks are of one size, so that any will do.
        goodSize: () => 2048,
        allocate: () => kept.pop() ?? sound.allocate(2048),
        deallocate: (address) => kept.push(address),
        trim: () => 0,
      }
    }),
  },
  {
    name: 'trim writes into a live block',
    law: 'disjoint',
    make: spoil((sound, { memory }) => {
      let live = 0
      return {
        allocate: (size) => {
          live = sound.allocate(size)
          return live
        },
        trim: () => {
          if (live !== 0) memory.u8[live] ^= 1
          return 0
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
