/** Runs jobs in fresh processes, one at a time. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { FootprintReply, Job, StartupReply, TimedReply } from './jobs.ts'

/** A process that hangs or crawls is ended after its limit of processor time times this, and a grace for loading. */
const WALL_PER_LIMIT = 6
const GRACE_MS = 60_000

const run = promisify(execFile)

/** What a job brought: its reply, or why there is none. */
export type Outcome<Reply> = { readonly reply: Reply } | { readonly failure: string }

interface Replies {
  readonly micro: TimedReply
  readonly trace: TimedReply
  readonly footprint: FootprintReply
  readonly startup: StartupReply
}

/** @param program - The compiled child. A job that fails is an outcome, not an exception. */
export async function perform<J extends Job>(
  program: string,
  job: J,
): Promise<Outcome<Replies[J['type']]>> {
  const limitMs = 'limitMs' in job ? job.limitMs : 0
  const timeout = GRACE_MS + WALL_PER_LIMIT * limitMs
  try {
    const { stdout } = await run(process.execPath, [program, JSON.stringify(job)], {
      timeout,
      killSignal: 'SIGKILL',
    })
    return { reply: JSON.parse(stdout) as Replies[J['type']] }
  } catch (error) {
    return { failure: reason(error, timeout) }
  }
}

function reason(error: unknown, timeout: number): string {
  const { killed, stderr, message } = error as Error & { killed?: boolean; stderr?: string }
  if (killed === true) return `ended after ${timeout / 1000} s`
  const line = /^(?:\w*Error|RuntimeError|.*\bError \[.*\]): .*$/m.exec(stderr ?? '')?.[0]
  return (line ?? message.split('\n')[0] ?? 'failed').slice(0, 160)
}
