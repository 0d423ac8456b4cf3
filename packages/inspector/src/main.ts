/** The page: one source at a time, one map, panels that follow it. */
import { byId } from './dom/elements.ts'
import { toggleTheme } from './dom/theme.ts'
import { Inspector } from './inspector.ts'
import { Controls } from './panels/controls.ts'
import { Mischief } from './panels/mischief.ts'
import { Scrubber } from './panels/scrubber.ts'
import { Steps } from './panels/steps.ts'
import { LifeHeap } from './sources/life-heap.ts'
import { openFile } from './sources/open-file.ts'
import { PageHeap } from './sources/page-heap.ts'
import type { Source } from './sources/source.ts'
import { TraceHeap } from './sources/trace-heap.ts'

const inspector = new Inspector()
const trouble = (message: string): void => inspector.tell(message)
const page = new PageHeap(trouble)
const controls = new Controls(page, trouble)
new Mischief(page, { lookAt: (address, damaged) => inspector.lookAt(address, damaged), trouble })
const scrubber = new Scrubber(() => inspector.look(), trouble)
const steps = new Steps(inspector.map, () => inspector.look(), trouble)

const liveButton = byId('source-live', HTMLButtonElement)
const stepsButton = byId('source-steps', HTMLButtonElement)
const fileInput = byId('file', HTMLInputElement)

async function show(source: Source): Promise<void> {
  inspector.hush()
  await inspector.open(source)
  liveButton.setAttribute('aria-pressed', String(source === page))
  stepsButton.setAttribute('aria-pressed', String(source instanceof LifeHeap))
  for (const id of ['controls', 'mischief']) byId(id, HTMLElement).hidden = source !== page
  scrubber.show(source instanceof TraceHeap ? source : undefined)
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
  const snapshot = await page.snapshot()
  const link = document.createElement('a')
  const url = URL.createObjectURL(new Blob([snapshot]))
  link.href = url
  link.download = 'heap.snapshot'
  link.click()
  URL.revokeObjectURL(url)
}

liveButton.addEventListener('click', () => guarded(() => show(page)))
stepsButton.addEventListener('click', () => guarded(() => show(new LifeHeap())))
byId('save', HTMLButtonElement).addEventListener('click', () => guarded(save))
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
inspector.onLook = () => controls.refresh()
guarded(() => show(page))
