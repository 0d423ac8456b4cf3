/** Handles that are not alike. */
import { ByteMap } from '../byte-map.ts'
import { type Broken, detour, spoil, spoilt } from './spoil.ts'

export const handles: readonly Broken[] = [
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
