/** Blocks in the wrong place. */
import { GRANULE_BYTES } from '../byte-map.ts'
import { type Broken, spoil } from './spoil.ts'

export const placement: readonly Broken[] = [
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
