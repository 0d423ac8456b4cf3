/** Colour only where a person sees it: a terminal, and no `NO_COLOR`. */
import pc from 'picocolors'

export type Colors = ReturnType<typeof pc.createColors>

export function colorsFor(stream: { readonly isTTY?: boolean | undefined }): Colors {
  // FORCE_COLOR and NO_COLOR, as everywhere; picocolors looks at stdout, this at the stream written to.
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  const wanted = FORCE_COLOR !== undefined && FORCE_COLOR !== '0'
  const terminal = stream.isTTY === true && TERM !== 'dumb'
  return pc.createColors((NO_COLOR === undefined || NO_COLOR === '') && (wanted || terminal))
}
