#!/usr/bin/env node
/** Entry of the command `vmalloc`. */
import { runProgram } from './program.ts'

// `vmalloc replay ... | head`: nobody reads on, so there is nothing left to say.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await runProgram(process.argv.slice(2))
