/** The page, for development (`vite`) and as files (`vite build`); both with the two headers that shared memory needs. */
import { defineConfig, type UserConfig } from 'vite'
import { source } from '../../vitest.shared.ts'

export const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

const config: UserConfig = defineConfig({
  base: './',
  resolve: { conditions: [source, 'module', 'browser', 'development|production'] },
  server: { host: '127.0.0.1', headers: ISOLATION_HEADERS },
  preview: { host: '127.0.0.1', headers: ISOLATION_HEADERS },
  worker: { format: 'es' },
  build: { target: 'es2022' },
})

export default config
