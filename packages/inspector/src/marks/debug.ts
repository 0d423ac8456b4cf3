/** `DebugMark`: eight words in front that know who asked for what, slack that is guarded, four words behind. */
import { countText, hexText } from '../dom/text.ts'
import { flagless, KIND_NAMES, mirrorText } from './mark-words.ts'
import type { MarkWords } from './marks.ts'

export const debugMarks: MarkWords = {
  headerBytes: 32,
  footerBytes: 16,
  sizeOf: ({ start, word }) => flagless(word(start)),
  lines: ({ start, end, payload, word }) => {
    const at = (index: number): number => word(start + 4 * index)
    const requested = at(1)
    const magic = at(7)
    const header = [magic, at(0), requested, at(2)]
    const footer = [0, 4, 8, 12].map((offset) => word(end - 16 + offset))
    const mirrored = footer.every((value, i) => value === header[i])
    const slack = end - 16 - payload - requested
    const freed = at(4) === 0 ? 'in use' : `freed by call ${countText(at(4))} of thread ${at(5)}`
    return [
      { address: start, name: 'size', text: `${countText(flagless(at(0)))}: bytes of the block` },
      { address: start + 4, name: 'requested', text: `${countText(requested)} bytes` },
      {
        address: start + 8,
        name: 'sequence, thread',
        text: `allocation ${countText(at(2))}, by thread ${at(3)}; ${freed}`,
      },
      {
        address: start + 28,
        name: 'magic',
        text: `${hexText(magic)}: 29 bits mixed of address, all words above and the secret; the last two say ${KIND_NAMES[magic & 3]}`,
      },
      {
        address: payload + requested,
        name: 'slack',
        text: `${countText(Math.max(0, slack))} bytes of a pattern: an overflow is found from its first byte on`,
      },
      {
        address: end - 16,
        name: 'magic, size, requested, sequence',
        text: mirrorText(mirrored, footer),
      },
    ]
  },
}
