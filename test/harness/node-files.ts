// A node's five places in a test's folder, and the built program called as a command on them.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Paths } from '../../src/contract/paths.ts'
import { pluginPath } from './throwaway-host.ts'

export const program = join(pluginPath, 'podwire')

/** Every name that the program has, sorted: what its build has left. */
export const pluginNames = existsSync(pluginPath) ? readdirSync(pluginPath).sort() : []

/** The places under `dir`; none of them is made. */
export function nodePaths(dir: string): Paths {
  const at = (name: string) => join(dir, name)
  return { stateDir: at('state'), runDir: at('run'), confDir: at('conf'), confName: '10-podwire.conflist', binDir: at('bin') }
}

export function pathArgs({ stateDir, runDir, confDir, confName, binDir }: Paths): string[] {
  return ['--state-dir', stateDir, '--run-dir', runDir, '--conf-dir', confDir, '--conf-name', confName, '--bin-dir', binDir]
}

/** Runs `podwire ARGS` here, which is only for commands that touch files and nothing else. */
export function podwire(args: readonly string[], { stdin = '', file = program } = {}) {
  const { status, stdout, stderr } = spawnSync(file, args, { input: stdin, encoding: 'utf8', env: {}, timeout: 30_000 })
  return { status, stdout, stderr }
}

/** A copy of the program with other bytes, as another version would have, that runs all the same. */
export function otherVersion(dir: string, name = 'podwire'): string {
  mkdirSync(dir, { recursive: true })
  const path = join(dir, name)
  spawnSync('sh', ['-c', 'cp "$1" "$2" && printf padding >>"$2"', 'sh', program, path])
  return path
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
