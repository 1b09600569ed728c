// Folders of programs and images that scripts make once and keep: such a script prints where they are.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What `sh e2e/SCRIPT ARG…` prints once it has made what it is for; its progress goes to stderr. */
export function built(script: string, env: Readonly<Record<string, string>> = {}, args: readonly string[] = []): string {
  const { status, stdout } = spawnSync('sh', [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  if (status !== 0) throw new Error(`e2e/${script} did not end well, so there is nothing to run`)
  return stdout.trim()
}
