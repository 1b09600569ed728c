// Builds a TypeScript program for the native host, as a plugin is built, so that a test can run it where Node is no help: inside a namespace.

import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The compiled program of `test/programs/NAME.ts`, in a folder that goes with the machine's temporary files. `segments` as build/native.sh takes them. */
export function buildProgram(name: string, ...segments: string[]): string {
  const out = join(mkdtempSync(join(tmpdir(), 'podwire-program-')), name)
  execFileSync('sh', ['build/native.sh', `test/programs/${name}.ts`, out, ...segments], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return out
}
