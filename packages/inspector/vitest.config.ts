import { defineConfig } from 'vitest/config'
import { nodeProject } from '../../vitest.shared.ts'

const { test, ...rest } = nodeProject('inspector')

export default defineConfig({
  ...rest,
  // One browser at a time: the machine that runs this may have two slow cores.
  test: {
    ...test,
    globalSetup: ['./test/site.ts'],
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
