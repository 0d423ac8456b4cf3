// Objects, strings, arrays and maps under the collector.
class Node {
  constructor(
    public key: string,
    public next: Node | null,
  ) {}
}

const words = new Map<string, i32>()

// Counts n words of a small vocabulary, keeps a list of every 7th, sorts the counts. A checksum comes back.
export function run(n: i32): i32 {
  let list: Node | null = null
  for (let i = 0; i < n; i++) {
    const word = 'w' + ((i * 7919) % 211).toString()
    words.set(word, (words.has(word) ? words.get(word) : 0) + 1)
    if (i % 7 == 0) list = new Node(word + '!', list)
  }
  const counts = words.values()
  counts.sort((a, b) => a - b)
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum = sum * 31 + counts[i]
  while (list) {
    sum += list.key.length
    list = list.next
  }
  return sum
}

export function collect(): void {
  words.clear()
  __collect()
}

// An array that grows by pushing: realloc in the middle of other allocations.
export function push(n: i32): f64 {
  const numbers: f64[] = []
  for (let i = 0; i < n; i++) numbers.push(<f64>i / 2)
  let sum = 0.0
  for (let i = 0; i < n; i++) sum += numbers[i]
  return sum
}

export function grow(pages: i32): i32 {
  return memory.grow(pages)
}

export function heapBase(): usize {
  return __heap_base
}
