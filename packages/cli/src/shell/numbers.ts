/** Numbers as people type them: decimal or 0x. */
import { MistypedError } from './session.ts'

const NUMBER = /^[-+]?(?:0x[0-9a-f]+|\d+)$/i

/** @throws {@link MistypedError} naming the argument, what was typed and what is possible. */
export function parseNumber(text: string, name: string, min: number, max: number): number {
  if (!NUMBER.test(text)) {
    throw new MistypedError(`${name} is "${text}": a number is needed, 64 or 0x40 for example`)
  }
  const negative = text.startsWith('-')
  const value = Number(text.replace(/^[-+]/, '')) * (negative ? -1 : 1)
  if (value < min || value > max) {
    throw new MistypedError(`${name} is ${text}: ${min} to ${max} is possible`)
  }
  return value
}
