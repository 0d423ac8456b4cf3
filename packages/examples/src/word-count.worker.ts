/** One Worker of word-count.ts: all it gets are addresses and a handle. */
import { workerData } from 'node:worker_threads'
import { Heap, type HeapHandle } from '@vmalloc/core'
import { SharedList } from './shared-list.ts'
import { SharedMap } from './shared-map.ts'

export interface WordCountTask {
  readonly handle: HeapHandle
  readonly map: number
  readonly list: number
  readonly words: readonly string[]
}

const { handle, map, list, words } = workerData as WordCountTask
const heap = Heap.attach(handle)
const counts = SharedMap.attach(heap, map)
const lengths = new SharedList(heap, list)
for (const word of words) {
  counts.add(word, 1)
  lengths.push(word.length)
}
heap.detach()
