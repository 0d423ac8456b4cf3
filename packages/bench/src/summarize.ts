/** From the outcomes of single processes to figures. */
import type { TimedReply } from './jobs.ts'
import type { Outcome } from './processes.ts'
import { median, rounded, spread } from './statistics.ts'

/** What all processes of one contender at one task say together. */
export interface Figure {
  readonly nsPerOp: number | null
  readonly best: number | null
  readonly spread: number | null
  readonly note?: string
}

/** The median over processes of each one's median: an odd process does not count, an odd sample even less. */
export function summarize(outcomes: readonly Outcome<TimedReply>[]): Figure {
  const replies = outcomes.flatMap((outcome) => ('reply' in outcome ? [outcome.reply] : []))
  const failure = outcomes.find((outcome) => 'failure' in outcome)
  const note =
    failure !== undefined && 'failure' in failure
      ? failure.failure
      : replies.find((reply) => reply.note !== undefined)?.note
  const noted = note === undefined ? {} : { note }
  if (replies.length === 0) return { nsPerOp: null, best: null, spread: null, ...noted }
  const perProcess = replies.map((reply) => median(reply.samples))
  return {
    nsPerOp: rounded(median(perProcess), 2),
    best: rounded(Math.min(...replies.flatMap((reply) => reply.samples)), 2),
    spread: rounded(spread(perProcess), 3),
    ...noted,
  }
}

/** How many times as long as ours; null when either is missing or too short for the clock. */
export function ratio(theirs: number | null, ours: number | null | undefined): number | null {
  if (theirs === null || ours === null || ours === undefined) return null
  return theirs > 0 && ours > 0 ? rounded(theirs / ours, 4) : null
}
