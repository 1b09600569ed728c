// Builds a TypeScript program for the native host, as a plugin is built, so that a test can run it where Node is no help: inside a namespace.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

const folders: string[] = []
afterAll(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true })
})

/** The compiled program of `test/programs/NAME.ts`, in a folder that goes when the test file has ended. `segments` as build/native.sh takes them. */
export function buildProgram(name: string, ...segments: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-program-'))
  folders.push(dir)
  const out = join(dir, name)
  execFileSync('sh', ['build/native.sh', `test/programs/${name}.ts`, out, ...segments], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return out
}
