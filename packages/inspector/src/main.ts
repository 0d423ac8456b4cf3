/** The page: one source at a time, one map, panels that follow it. */
import { byId } from './dom/elements.ts'
import { countText } from './dom/text.ts'
import { restoreTheme, toggleTheme } from './dom/theme-choice.ts'
import { Inspector } from './inspector.ts'
import { Controls } from './panels/controls.ts'
import { Mischief } from './panels/mischief.ts'
import { Scrubber } from './panels/scrubber.ts'
import { Steps } from './panels/steps.ts'
import { Threads } from './panels/threads.ts'
import { LifeHeap } from './sources/life-heap.ts'
import { openFile } from './sources/open-file.ts'
import { PageHeap } from './sources/page-heap.ts'
import { RemoteHeap, servedHeap } from './sources/remote-heap.ts'
import type { Source } from './sources/source.ts'
import { TraceHeap } from './sources/trace-heap.ts'

restoreTheme()
const inspector = new Inspector()
const trouble = (message: string): void => inspector.tell(message)
const page = new PageHeap(trouble)
new Controls(page, trouble)
const threads = new Threads()
new Mischief(page, { lookAt: (address, damaged) => inspector.lookAt(address, damaged), trouble })
const scrubber = new Scrubber(async (at) => {
  await inspector.look()
  inspector.timeline.point(at)
}, trouble)
const steps = new Steps(inspector.map, () => inspector.look(), trouble)

const liveButton = byId('source-live', HTMLButtonElement)
const stepsButton = byId('source-steps', HTMLButtonElement)
const processButton = byId('source-process', HTMLButtonElement)
const saveButton = byId('save', HTMLButtonElement)
const served = servedHeap()
const fileInput = byId('file', HTMLInputElement)

async function show(source: Source): Promise<void> {
  inspector.hush()
  await inspector.open(source)
  liveButton.setAttribute('aria-pressed', String(source === page))
  stepsButton.setAttribute('aria-pressed', String(source instanceof LifeHeap))
  processButton.setAttribute('aria-pressed', String(source instanceof RemoteHeap))
  saveButton.disabled = source.snapshot === undefined
  for (const id of ['controls', 'mischief']) byId(id, HTMLElement).hidden = source !== page
  if (source instanceof TraceHeap) {
    inspector.timeline.show(source.course(), (at) => `operation ${countText(at)}`)
  }
  await scrubber.show(source instanceof TraceHeap ? source : undefined)
  await steps.show(source instanceof LifeHeap ? source : undefined)
}

/** Runs what a click asks for; what goes wrong is told. */
function guarded(body: () => Promise<void>): void {
  body().catch((error: unknown) => trouble(error instanceof Error ? error.message : String(error)))
}

function openFirst(files: FileList | null | undefined): void {
  const file = files?.[0]
  if (file !== undefined) guarded(async () => show(await openFile(file)))
}

async function save(): Promise<void> {
  const snapshot = await inspector.source?.snapshot?.()
  if (snapshot === undefined) return
  const link = document.createElement('a')
  const url = URL.createObjectURL(new Blob([snapshot]))
  link.href = url
  link.download = 'heap.snapshot'
  link.click()
  URL.revokeObjectURL(url)
}

liveButton.addEventListener('click', () => guarded(() => show(page)))
stepsButton.addEventListener('click', () => guarded(() => show(new LifeHeap())))
saveButton.addEventListener('click', () => guarded(save))
byId('theme', HTMLButtonElement).addEventListener('click', toggleTheme)
fileInput.addEventListener('change', () => {
  openFirst(fileInput.files)
  // The same file again is a change, too.
  fileInput.value = ''
})
addEventListener('dragover', (event) => {
  event.preventDefault()
  document.body.classList.add('dropping')
})
addEventListener('dragleave', () => document.body.classList.remove('dropping'))
addEventListener('drop', (event) => {
  event.preventDefault()
  document.body.classList.remove('dropping')
  openFirst(event.dataTransfer?.files)
})

byId('isolation', HTMLParagraphElement).hidden = page.shared
document.body.classList.add('ready')
inspector.onLook = ({ stats }) =>
  threads.show(inspector.source === page ? page.threads : [], stats?.cache.perThread ?? [])
if (served === undefined) guarded(() => show(page))
else {
  processButton.hidden = false
  const process = new RemoteHeap(served)
  processButton.addEventListener('click', () => guarded(() => show(process)))
  guarded(() => show(process))
}
