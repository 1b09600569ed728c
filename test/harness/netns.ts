// The door for tests: throw-away hosts, and suites that are skipped where there can be none.

import { describe } from 'vitest'
import { noHostReason } from './throwaway-host.ts'

export * from './throwaway-host.ts'

/** `describe` for tests that need a host: skipped, with the reason in the title, where there can be none. */
export function describeHost(title: string, body: () => void): void {
  if (noHostReason === undefined) describe(title, body)
  else describe.skip(`${title} (skipped: ${noHostReason})`, body)
}
