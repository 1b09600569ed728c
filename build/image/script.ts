// The scripts in this directory as functions: each prints where it has put things.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a script of build/image, or by its path from there, prints; what it says goes to stderr. */
export function script(file: string, ...args: string[]): string {
  return execFileSync('sh', [join(root, 'build/image', file), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}
