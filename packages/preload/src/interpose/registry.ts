/** What an installation has seen: modules, their instances, why others were left alone. */

import type { ProgramMap } from '../map-file.ts'
import type { Report } from '../runtime/report.ts'
import type { Session } from '../session.ts'
import type { SeenModule } from './seen-module.ts'

/** One module and what became of it. */
export interface ModuleReport extends SeenModule {
  /** Why the module was left alone; empty when it was not. */
  readonly skipped: string
  /** How often a module that was left alone came by; 1 for others, which are listed each time. */
  readonly times: number
  /** One report for each instance. */
  readonly instances: readonly Report[]
}

/** A module in the books; `skipped` as in {@link ModuleReport}. */
export class Entry {
  readonly seen: SeenModule
  skipped: string
  times = 1
  readonly sessions: KeptSession[] = []

  constructor(seen: SeenModule, skipped: string) {
    this.seen = seen
    this.skipped = skipped
  }

  report(): ModuleReport {
    const { seen, skipped, times } = this
    return { ...seen, skipped, times, instances: this.sessions.map((kept) => kept.report()) }
  }
}

/**
 * A session holds its program's whole memory. Until it was reported it is kept, for what it knows would be lost; from
 * then on it lives as long as its instance does, and after that its last report stands for it.
 */
export class KeptSession {
  #session: Session | null
  readonly #weak: WeakRef<Session>
  #last: Report | null = null

  constructor(session: Session) {
    this.#session = session
    this.#weak = new WeakRef(session)
  }

  get session(): Session | null {
    return this.#session ?? this.#weak.deref() ?? null
  }

  report(): Report {
    const { session } = this
    if (session !== null) {
      this.#last = session.report()
      // A recording is wanted at the end, even of an instance that is gone by then.
      if (!session.records) this.#session = null
    }
    return this.#last as Report
  }
}

export class Registry {
  readonly #entries: Entry[] = []

  /** @param skipped - Why the module is left alone; empty when it is not. */
  enter(seen: SeenModule, skipped = ''): Entry {
    const before =
      skipped === ''
        ? undefined
        : this.#entries.find((entry) => entry.seen.hash === seen.hash && entry.skipped === skipped)
    if (before !== undefined) {
      before.times++
      return before
    }
    const entry = new Entry(seen, skipped)
    this.#entries.push(entry)
    return entry
  }

  report(): readonly ModuleReport[] {
    return this.#entries.map((entry) => entry.report())
  }

  /** Of all instances that live and have a heap. */
  maps(): readonly ProgramMap[] {
    return this.#entries.flatMap(({ seen, sessions }) =>
      sessions.flatMap(({ session }) => {
        const map = session?.map() ?? null
        return session === null || map === null ? [] : [{ ...seen, mode: session.mode, map }]
      }),
    )
  }

  sessions(): readonly Session[] {
    return this.#entries
      .flatMap(({ sessions }) => sessions.map(({ session }) => session))
      .filter((session) => session !== null)
  }
}
