/** Damaging the bytes of a heap, in all the ways that accidents and malice do it. */
import type { Random } from '@vmalloc/conformance'

/** The control area is where a changed byte does most. */
const CONTROL_BYTES = 8192
const VALUES: readonly number[] = [
  0, 1, 2, 3, 7, 8, 15, 16, 255, 4095, 4096, 65_535, 65_536, 0x7fff_fff0, 0x7fff_ffff, 0x8000_0000,
  0xffff_0000, 0xffff_fff0, 0xffff_ffff,
]

/** Bytes of the lock: whoever can set it can keep everybody out, and is not asked to. */
const LOCK_FROM = 64
const LOCK_TO = 80

/** Changes `bytes` in place. @returns What was done, for the message of a failing test. */
export function mutate(bytes: Uint8Array, random: Random): string {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2)
  const place = (): number => {
    for (;;) {
      const within = random.chance(0.7) ? Math.min(CONTROL_BYTES, bytes.length) : bytes.length
      const at = random.below(within)
      if (at < LOCK_FROM || at >= LOCK_TO) return at
    }
  }
  const done: string[] = []
  for (let left = random.chance(0.5) ? 1 : random.between(1, 8); left > 0; left--) {
    const at = place()
    switch (random.below(5)) {
      case 0:
        bytes[at] ^= 1 << random.below(8)
        done.push(`bit of ${at}`)
        break
      case 1:
        bytes[at] = random.below(256)
        done.push(`byte ${at} = ${bytes[at]}`)
        break
      case 2: {
        const value = random.pick([...VALUES, bytes.length, bytes.length - 4, at & ~3])
        words[at >>> 2] = value
        done.push(`word ${at & ~3} = ${value}`)
        break
      }
      case 3: {
        // Another word of the same heap, a plausible one.
        words[at >>> 2] = words[place() >>> 2]
        done.push(`word ${at & ~3} = ${words[at >>> 2]}, copied`)
        break
      }
      default: {
        const from = place()
        const length = Math.min(random.size(1, 4096), bytes.length - Math.max(from, at))
        // The lock keeps its word.
        const lock = bytes.slice(LOCK_FROM, LOCK_TO)
        bytes.copyWithin(at, from, from + length)
        bytes.set(lock, LOCK_FROM)
        done.push(`${length} bytes from ${from} to ${at}`)
      }
    }
  }
  return done.join('; ')
}
