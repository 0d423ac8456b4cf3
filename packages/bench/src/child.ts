/** A fresh process for one measurement: `node child.ts JOB` prints the reply as one line of JSON. */
import type { Opened } from './contenders/contender.ts'
import { contenderNamed } from './contenders/index.ts'
import type { FootprintJob, Job, MicroJob, StartupJob, TraceJob } from './jobs.ts'
import { measure } from './measure.ts'

/** Reserved, not used: generous, so that waste shows as a ratio and not as "no room". */
const TRACE_MAXIMUM_BYTES = 2 ** 29

async function open(contender: string, maximum: number): Promise<Opened> {
  return (await contenderNamed(contender).load()).open({ maximum })
}

async function micro(job: MicroJob): Promise<unknown> {
  const { workloadNamed } = await import('./workloads/index.ts')
  const workload = workloadNamed(job.workload)
  const { heap } = await open(job.contender, workload.maximum)
  return measure(workload.prepare(heap), job)
}

async function trace(job: TraceJob): Promise<unknown> {
  const { timeTrace } = await import('./traces/time-trace.ts')
  const { ReplayAdapter } = await import('./traces/replay-adapter.ts')
  const opened = await open(job.contender, TRACE_MAXIMUM_BYTES)
  return timeTrace(job.file, opened.ours?.heap ?? new ReplayAdapter(opened), job)
}

async function footprintOf(job: FootprintJob): Promise<unknown> {
  const { footprint, partsAtPeak } = await import('./traces/footprint.ts')
  const { TrackedHeap } = await import('./traces/tracked-heap.ts')
  const { open: openNow } = await contenderNamed(job.contender).load()
  const fresh = (): Opened => openNow({ maximum: TRACE_MAXIMUM_BYTES })
  const reply = await footprint(job.file, () => {
    const opened = fresh()
    return opened.ours?.heap ?? new TrackedHeap(opened)
  })
  const { ours } = fresh()
  if (ours === undefined) return reply
  return { ...reply, parts: partsAtPeak(job.file, ours.heap, ours.markBytes) }
}

async function startup(job: StartupJob): Promise<unknown> {
  const startMs = performance.now()
  const { open: openNow } = (await import(job.bundle)) as { open: (options: object) => Opened }
  const importedMs = performance.now()
  const { heap } = openNow({ maximum: 2 ** 28 })
  heap.free(heap.malloc(16))
  return { importMs: importedMs - startMs, firstBlockMs: performance.now() - importedMs }
}

function perform(job: Job): Promise<unknown> {
  switch (job.type) {
    case 'micro':
      return micro(job)
    case 'trace':
      return trace(job)
    case 'footprint':
      return footprintOf(job)
    case 'startup':
      return startup(job)
  }
}

const job = JSON.parse(process.argv[2] ?? 'null') as Job
process.stdout.write(`${JSON.stringify(await perform(job))}\n`)
