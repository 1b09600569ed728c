// Which real clients this machine has, and suites that say in their title what is missing where they are skipped. Nothing is installed or built from here.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { noHostReason } from '../harness/netns.ts'

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire')

/** The newest folder that a build script has completed there under `name`, its versions and perhaps a hash; undefined where there is none. */
export function builtPath(name: string): string | undefined {
  const complete = new RegExp(`^${name}(-v[0-9.]+)+(-[0-9a-f]{8})?$`)
  const folders = (existsSync(cache) ? readdirSync(cache) : [])
    .filter((folder) => complete.test(folder))
    .map((folder) => join(cache, folder))
  return folders.sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs).at(-1)
}

/** The Go plugins and cnitool, as build/go-reference.sh leaves them. */
export const goPath = builtPath('go-reference') ?? join(cache, 'go-reference')

/** critest and nerdctl, as build/runtimes.sh leaves them. */
export const runtimesPath = builtPath('runtimes') ?? join(cache, 'runtimes')

/** Why these programs of the Go reference cannot be run; undefined where all can. */
export function noGoReason(...programs: string[]): string | undefined {
  const missing = programs.filter((name) => !existsSync(join(goPath, name)))
  return missing.length === 0 ? undefined : `no ${missing.join(', ')} of the Go reference: sh build/go-reference.sh builds it`
}

/** Why this program of build/runtimes.sh cannot be run; undefined where it can. */
export function noRuntimeReason(program: 'critest' | 'nerdctl'): string | undefined {
  return existsSync(join(runtimesPath, program)) ? undefined : `no ${program}: sh build/runtimes.sh builds it`
}

/** Where a program of this machine lies; undefined where it is not installed. */
export function programPath(name: string): string | undefined {
  const folders = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':')
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** Why a program of build/go-program.sh cannot be run; undefined where it was built. */
export function noBuiltReason(name: string): string | undefined {
  const built = existsSync(cache) && readdirSync(cache).some((folder) => existsSync(join(cache, folder, name)))
  return built ? undefined : `no ${name}: sh build/go-program.sh ${name} builds it`
}

/** Why these programs of Debian packages cannot be run; undefined where all can. */
export function noProgramReason(...programs: string[]): string | undefined {
  const missing = programs.filter((name) => programPath(name) === undefined)
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

/** `describe` for tests that need a host and a client: skipped, with the reason in the title, where one is missing. */
export function describeClient(title: string, missing: string | undefined, body: () => void): void {
  const reason = noHostReason ?? missing
  if (reason === undefined) describe(title, body)
  else describe.skip(`${title} (skipped: ${reason})`, body)
}
