import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'native/**/*.test.ts', 'e2e/**/*.test.ts'],
    setupFiles: ['test/harness/host.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
