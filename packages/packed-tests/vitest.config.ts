import { defineConfig } from 'vitest/config'
import { nodeProject } from '../../vitest.shared.ts'

const project = nodeProject('packed')

export default defineConfig({
  ...project,
  test: {
    ...project.test,
    globalSetup: './test/tools/setup.ts',
    // Each test waits for processes and compilers, on two cores beside other work.
    testTimeout: 60_000,
  },
})
