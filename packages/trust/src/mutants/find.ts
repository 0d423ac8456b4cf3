/**
 * Finds the lines that check something, and makes mutants of them: a program that differs in one check.
 *
 * - `if (a || b) throw ...` (or a call of `fail`): the whole condition becomes false, then each operand of it.
 * - `const sane = a && b`, for the names in {@link VERDICTS}: each operand becomes true.
 *
 * Works on text: conditions are split at the operators of their own level, outside of parentheses and strings.
 */

/** A change of one check. */
export interface Mutant {
  readonly file: string
  /** Line of the check, from 1 on. */
  readonly line: number
  /** What is left out. */
  readonly check: string
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Constants that hold the result of a check. */
const VERDICTS = /\bconst (sane|fits|inside|linked|ours|sound|same|possible|holds|walkable) =\s/g
const REPORTS = /^\s*\{?\s*(?:throw |return (?:this\.)?fail|(?:this\.)?fail\w*\(|fail\()/

export function mutantsOf(file: string, source: string): Mutant[] {
  return [...conditionsOf(file, source), ...verdictsOf(file, source)]
}

function conditionsOf(file: string, source: string): Mutant[] {
  const mutants: Mutant[] = []
  for (const match of source.matchAll(/\bif \(/g)) {
    const open = match.index + 3
    const close = closing(source, open)
    if (!REPORTS.test(source.slice(close + 1))) continue
    const line = lineOf(source, match.index)
    const make = (from: number, to: number, text: string): void => {
      mutants.push({
        file,
        line,
        check: source.slice(from, to).replace(/\s+/g, ' ').trim(),
        from,
        to,
        text,
      })
    }
    make(open + 1, close, 'false')
    const parts = split(source, open + 1, close, '||')
    if (parts.length > 1) for (const { from, to } of parts) make(from, to, ' false ')
  }
  return mutants
}

function verdictsOf(file: string, source: string): Mutant[] {
  const mutants: Mutant[] = []
  for (const match of source.matchAll(VERDICTS)) {
    const start = match.index + match[0].length
    const end = endOfExpression(source, start)
    const line = lineOf(source, match.index)
    for (const { from, to } of split(source, start, end, '&&')) {
      const check = source.slice(from, to).replace(/\s+/g, ' ').trim()
      mutants.push({ file, line, check, from, to, text: ' true ' })
    }
  }
  return mutants
}

/** Index of the parenthesis that closes the one at `open`. */
function closing(source: string, open: number): number {
  let depth = 0
  for (let i = open; i < source.length; i++) {
    if (source[i] === '(') depth++
    else if (source[i] === ')' && --depth === 0) return i
  }
  return source.length
}

/** An initializer without semicolon ends where the next line is not indented deeper and nothing is open. */
function endOfExpression(source: string, start: number): number {
  let depth = 0
  for (let i = start; i < source.length; i++) {
    const character = source[i]
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    else if (character === '\n' && depth === 0) {
      const rest = source.slice(i + 1)
      const goesOn =
        /^\s*(?:&&|\|\||\?|:)/.test(rest) ||
        /(?:&&|\|\||=|\?|:)\s*$/.test(source.slice(start - 3, i))
      if (!goesOn) return i
    }
  }
  return source.length
}

/** The operands of `operator` at the level of [from, to). */
function split(
  source: string,
  from: number,
  to: number,
  operator: string,
): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = []
  let depth = 0
  let start = from
  for (let i = from; i < to; i++) {
    if ('([{'.includes(source[i])) depth++
    else if (')]}'.includes(source[i])) depth--
    else if (depth === 0 && source.startsWith(operator, i)) {
      parts.push({ from: start, to: i })
      start = i + operator.length
    }
  }
  parts.push({ from: start, to })
  return parts
}

function lineOf(source: string, index: number): number {
  return source.slice(0, index).split('\n').length
}
