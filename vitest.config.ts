import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'native/**/*.test.ts', 'e2e/**/*.test.ts'],
    setupFiles: ['test/harness/host.ts'],
    // vitest's own choice is one less, which on two processors is one file after the other. Most of a test of a host is waiting, and no two share one.
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
