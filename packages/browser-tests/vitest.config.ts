/**
 * Two pages in one real Chromium.
 *
 * `isolated` is served with the COOP and COEP headers: there shared memory exists. It runs all tests of the layers that need no Node
 * module, and this package's `test`. `plain` is served without them, like most of the web: there
 * `SharedArrayBuffer` is missing, and an unshared heap must still work. It runs `test-plain`.
 */
import { join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { reporters, resultFile, source } from '../../vitest.shared.ts'
import { findChromium } from './src/chromium.ts'
import { portableTests } from './src/portable.ts'

// The root is the workspace, so that the tests of all packages lie below it.
const root = join(import.meta.dirname, '../..')
const { executablePath, env } = await findChromium()

/** The packages whose tests run in a page. */
const LAYERS = [
  'memory',
  'marking',
  'small',
  'fit',
  'buddy',
  'large',
  'trace',
  'conformance',
  'core',
  'preload',
]

const page = (name: string, include: string[], headers: Record<string, string>) => ({
  extends: true as const,
  server: { headers },
  test: {
    name,
    include,
    setupFiles: join(import.meta.dirname, 'src/node-ways.ts'),
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath, ...(env && { env }) } }),
      instances: [{ browser: 'chromium' as const, name }],
    },
  },
})

export default defineConfig({
  root,
  resolve: { conditions: [source, 'module', 'browser', 'development|production'] },
  // Known beforehand: a dependency that vite discovers during a run makes it reload the page under a running test.
  optimizeDeps: { include: ['fast-check'] },
  test: {
    reporters: reporters(join(import.meta.dirname, resultFile)),
    projects: [
      page(
        'isolated',
        [...portableTests(root, LAYERS), 'packages/browser-tests/test/**/*.test.ts'],
        {
          'Cross-Origin-Opener-Policy': 'same-origin',
          'Cross-Origin-Embedder-Policy': 'require-corp',
        },
      ),
      page('plain', ['packages/browser-tests/test-plain/**/*.test.ts'], {}),
    ],
  },
})
