/** `Mark32`: two words in front, mirrored behind. */
import { countText, hexText } from '../dom/text.ts'
import { flagless, KIND_NAMES, mirrorText } from './mark-words.ts'
import type { MarkWords } from './marks.ts'

export const mark32: MarkWords = {
  headerBytes: 8,
  footerBytes: 8,
  sizeOf: ({ start, word }) => flagless(word(start)),
  lines: ({ start, end, word }) => {
    const magic = word(start + 4)
    const mirrored = word(end - 8) === magic && word(end - 4) === word(start)
    const found = [word(end - 8), word(end - 4)]
    return [
      {
        address: start,
        name: 'size',
        text: `${countText(flagless(word(start)))}: bytes of the block`,
      },
      {
        address: start + 4,
        name: 'magic',
        text: `${hexText(magic)}: 30 bits mixed of address, size and the heap’s secret; the last two say ${KIND_NAMES[magic & 3]}`,
      },
      { address: end - 8, name: 'magic, size', text: mirrorText(mirrored, found) },
    ]
  },
}
