import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const include = ['src/**/*.test.ts', 'test/**/*.test.ts', 'native/**/*.test.ts', 'e2e/**/*.test.ts']
/** What measures time or waits for one packet: after all others, one file at a time. */
const timed = ['src/plugin/plugins/podwire/{at-once,host-ports}.netns.test.ts', 'src/node/watch.netns.test.ts']

export default defineConfig({
  test: {
    setupFiles: ['test/harness/host.ts'],
    // vitest's own choice is one less, which on two processors is one file after the other. Most of a test of a host is waiting, and no two share one.
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'files', include, exclude: timed, sequence: { groupOrder: 0 } } },
      { extends: true, test: { name: 'timed', include: timed, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
