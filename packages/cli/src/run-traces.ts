/** Replays several traces one after the other, each on fresh heaps; collects their maps if wanted. */

import type { HeapMap } from '@vmalloc/core/map'
import type { Trace } from '@vmalloc/trace'
import type { RunOptions } from './commands/options.ts'
import { type CoreHeap, createHeap } from './core-heap.ts'
import type { MapPanel } from './map/layout.ts'
import { WorkerPool } from './replay/pool.ts'
import { replayOnWorkers, replayTrace } from './replay/replay.ts'
import type { PeakMoment, TraceResult } from './replay/result.ts'
import type { Progress } from './terminal/progress.ts'
import { bytesText, plural } from './terminal/text.ts'

export interface TracesRun {
  readonly results: readonly TraceResult[]
  /** One for each trace, at its moment of peak live; empty unless maps were asked for. */
  readonly panels: readonly MapPanel[]
  readonly seconds: number
}

const MIN_MAXIMUM_BYTES = 256 * 2 ** 20
const MAX_MAXIMUM_BYTES = 2 ** 32 - 2 ** 16
const WASM_PAGE_BYTES = 2 ** 16
/** Room for the worst composition: powers of two, marks, regions that double. */
const ROOM_PER_LIVE_BYTE = 8

export async function runTraces(
  traces: readonly Trace[],
  options: RunOptions & { readonly maps: boolean },
  progress: Progress,
): Promise<TracesRun> {
  const { workers, preset, rounds } = options
  const pool = workers > 0 ? new WorkerPool(workers) : undefined
  const startMs = performance.now()
  const results: TraceResult[] = []
  const panels: MapPanel[] = []
  try {
    for (const [index, trace] of traces.entries()) {
      const shared = pool !== undefined
      const maximum = maximumFor(trace, trace.threads <= 1 ? Math.max(1, workers) : 1)
      const open = (): CoreHeap => createHeap({ shared, preset, maximum })
      let peak: Peak | undefined
      const replayOptions = {
        rounds,
        atPeak: options.maps
          ? (moment: PeakMoment<CoreHeap>) => {
              peak = mapAt(moment)
            }
          : undefined,
        onProgress: (fraction: number, what: string) =>
          progress.update((index + fraction) / traces.length, `${trace.name}, ${what}`),
      }
      const result =
        pool === undefined
          ? await replayTrace(trace, open, replayOptions)
          : await replayOnWorkers(trace, open, pool, replayOptions)
      results.push(result)
      if (peak !== undefined) {
        panels.push({
          title: trace.name,
          caption: caption(result, peak.blocks),
          map: peak.map,
        })
      }
    }
  } finally {
    progress.stop()
    await pool?.close()
  }
  return { results, panels, seconds: (performance.now() - startMs) / 1e3 }
}

/** Reserved, not used: generous, so that a wasteful composition shows as a ratio and not as "no room". */
function maximumFor(trace: Trace, copies: number): number {
  const wanted = Math.max(MIN_MAXIMUM_BYTES, trace.peakLive * copies * ROOM_PER_LIVE_BYTE)
  const bytes = Math.min(MAX_MAXIMUM_BYTES, wanted)
  return Math.floor(bytes / WASM_PAGE_BYTES) * WASM_PAGE_BYTES
}

interface Peak {
  readonly map: HeapMap
  readonly blocks: number
}

function mapAt({ heap, copies }: PeakMoment<CoreHeap>): Peak {
  const requested = new Map<number, number>()
  for (const { addresses, sizes } of copies) {
    for (let id = 0; id < addresses.length; id++) {
      if (addresses[id] !== 0) requested.set(addresses[id], sizes[id])
    }
  }
  const map = heap.map({ requested: (payload) => requested.get(payload) ?? 0 })
  return { map, blocks: requested.size }
}

function caption(result: TraceResult, blocks: number): string {
  const who = result.copies > 1 ? `${result.copies} copies, ` : ''
  return `${who}${plural(blocks, 'block')} live, ${bytesText(result.peakLive)} requested, ${bytesText(result.peakMapped)} mapped, ratio ${result.ratio.toFixed(2)}`
}
