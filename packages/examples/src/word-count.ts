/** Two Workers count the words of a text into one map, and put the length of each word into one list. */
import { Worker } from 'node:worker_threads'
import { Heap } from '@vmalloc/core'
import { SharedList } from './shared-list.ts'
import { SharedMap } from './shared-map.ts'
import type { WordCountTask } from './word-count.worker.ts'

/** What came out. */
export interface WordCount {
  readonly heap: Heap
  readonly map: SharedMap
  readonly counts: ReadonlyMap<string, number>
  readonly lengths: readonly number[]
}

export async function countWords(text: string, workers = 2): Promise<WordCount> {
  const heap = Heap.create({ shared: true, maximum: 64 * 2 ** 20 })
  const map = SharedMap.create(heap)
  const list = new SharedList(heap)
  const words = text.split(/\s+/).filter((word) => word !== '')
  const part = Math.ceil(words.length / workers)
  const tasks = Array.from(
    { length: workers },
    (_, i): WordCountTask => ({
      handle: heap.handle,
      map: map.address,
      list: list.address,
      words: words.slice(i * part, (i + 1) * part),
    }),
  )
  await Promise.all(tasks.map((task) => runWorker(task)))
  return { heap, map, counts: new Map(map.entries()), lengths: list.takeAll() }
}

function runWorker(workerData: WordCountTask): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./word-count.worker.ts', import.meta.url), { workerData })
    worker.on('error', reject)
    worker.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`a Worker ended with code ${code}`))
    })
  })
}
