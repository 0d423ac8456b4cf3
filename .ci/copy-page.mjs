/** Part of building the command line: the inspector's built page comes with it, in the folder `page`. */
import { cpSync, rmSync } from 'node:fs'

rmSync('page', { recursive: true, force: true })
cpSync('../inspector/dist', 'page', { recursive: true })
