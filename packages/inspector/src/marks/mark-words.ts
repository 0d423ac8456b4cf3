/** Words that the explanations of all markings share. */
import { hexText } from '../dom/text.ts'

/** By the last two bits of a magic. */
export const KIND_NAMES: readonly string[] = ['small', 'medium', 'large', 'no kind']

const FLAGS_MASK = 7

/** Bytes that a size word states. */
export function flagless(word: number): number {
  return (word & ~FLAGS_MASK) >>> 0
}

/** @param found - The words of the footer. */
export function mirrorText(mirrored: boolean, found: readonly number[]): string {
  return mirrored
    ? 'the header’s words again: nobody wrote past the end'
    : `${found.map(hexText).join(' ')}: not what the header says. Somebody wrote past the end.`
}
