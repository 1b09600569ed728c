// Which real clients this machine has, and suites that say in their title what is missing where they are skipped. Nothing is installed or built from here.

import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { noHostReason } from '../harness/netns.ts'

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire')
const reference = existsSync(cache) ? readdirSync(cache).find((name) => name.startsWith('go-reference-')) : undefined

/** The Go plugins and cnitool, as build/go-reference.sh leaves them. */
export const goPath = join(cache, reference ?? 'go-reference')

/** Why these programs of the Go reference cannot be run; undefined where all can. */
export function noGoReason(...programs: string[]): string | undefined {
  const missing = programs.filter((name) => !existsSync(join(goPath, name)))
  return missing.length === 0 ? undefined : `no ${missing.join(', ')} of the Go reference: sh build/go-reference.sh builds it`
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
