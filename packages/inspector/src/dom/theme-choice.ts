/** The reader's choice of dark or light; kept for the next visit. */

const KEY = 'vmalloc-theme'

/** Before anything is drawn. */
export function restoreTheme(): void {
  const kept = storage()?.getItem(KEY)
  if (kept === 'dark' || kept === 'light') document.documentElement.dataset['theme'] = kept
}

/** Changes to the other of dark and light. */
export function toggleTheme(): void {
  const root = document.documentElement
  const dark =
    root.dataset['theme'] === undefined
      ? matchMedia('(prefers-color-scheme: dark)').matches
      : root.dataset['theme'] === 'dark'
  const chosen = dark ? 'light' : 'dark'
  root.dataset['theme'] = chosen
  storage()?.setItem(KEY, chosen)
}

/** Where the browser forbids storage, the choice lasts as long as the page. */
function storage(): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}
