/** `ClassicMark`: the marks of the C original, two words of 8 bytes in front and two behind. */
import { countText, hexText } from '../dom/text.ts'
import { flagless, KIND_NAMES, mirrorText } from './mark-words.ts'
import type { MarkWords } from './marks.ts'

export const classicMarks: MarkWords = {
  headerBytes: 16,
  footerBytes: 16,
  sizeOf: ({ start, word }) => flagless(word(start)),
  lines: ({ start, end, word }) => {
    const low = word(start + 8)
    const high = word(start + 12)
    const footer = [0, 4, 8, 12].map((offset) => word(end - 16 + offset))
    const header = [low, high, word(start), word(start + 4)]
    const mirrored = footer.every((value, i) => value === header[i])
    return [
      {
        address: start,
        name: 'size',
        text: `${countText(flagless(word(start)))}: bytes of the block, in 8 bytes as in C`,
      },
      {
        address: start + 8,
        name: 'magic',
        text: `${hexText(high)} ${hexText(low)}: the original’s hash of the address; the last two bits say ${KIND_NAMES[low & 3]}`,
      },
      { address: end - 16, name: 'magic, size', text: mirrorText(mirrored, footer) },
    ]
  },
}
