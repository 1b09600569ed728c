// What a pass over the node's network did, or would do.

import type { Problem } from '../contract/problem.ts'
import { isSysError } from '../host/error.ts'
import type { PROTOCOL } from './state.ts'

export type Kind = 'routes' | 'fdb' | 'neighbours' | 'links' | 'nft' | 'sysctls'
export type Action = 'added' | 'removed' | 'replaced'
export type Counts = Record<Action, number>

/** One object that was not as wanted. */
export interface Change {
  readonly kind: Kind
  readonly action: Action
  readonly object: string
}

export interface Report {
  readonly protocol: typeof PROTOCOL
  readonly changed: Record<Kind, Counts>
  readonly routes: { readonly desired: number; readonly actual: number }
  /** For the pods. */
  readonly mtu: number
  /** Whether the VXLAN device is there. */
  readonly vxlan: boolean
  readonly problems: readonly Problem[]
  /** How many of the problems are failures, also those that the list has no room for: the pass did all it should where this is 0. */
  readonly failed: number
  /** Those that there is no way to. */
  readonly peers: readonly { readonly name: string; readonly path: 'none'; readonly reason: string }[]
  readonly durationMs: number
  /** What the state of the pass before had wanted already, and the kernel had lost. */
  readonly drift: Drift
  /** The objects, where nothing was done but looked at. */
  readonly changes?: readonly Change[]
}

export interface Drift {
  readonly route: number
  readonly link: number
  readonly nft: number
  readonly fdb: number
  readonly neighbour: number
  readonly sysctl: number
}

/** A report in the making. */
export interface Log {
  readonly changed: Record<Kind, Counts>
  readonly changes: Change[] | undefined
  readonly problems: Problem[]
  failed: number
}

/** A problem that thousands of objects share is reported with the first of them. */
const MAX_PROBLEMS = 50

export function newLog(dryRun: boolean): Log {
  const none = (): Counts => ({ added: 0, removed: 0, replaced: 0 })
  const changed = { routes: none(), fdb: none(), neighbours: none(), links: none(), nft: none(), sysctls: none() }
  return { changed, changes: dryRun ? [] : undefined, problems: [], failed: 0 }
}

/** `object` is only called where it is read. */
export function noteChange(log: Log, kind: Kind, action: Action, object: () => string): void {
  log.changed[kind][action]++
  log.changes?.push({ kind, action, object: object() })
}

export function noteProblem(log: Log, kind: string, object: string, message: string): void {
  if (log.problems.length < MAX_PROBLEMS) log.problems.push({ kind, object, message, failed: false })
}

export function noteFailure(log: Log, kind: string, object: string, message: string): void {
  log.failed++
  if (log.problems.length < MAX_PROBLEMS) log.problems.push({ kind, object, message, failed: true })
}

/** Runs a step of which the others do not depend; undefined where it failed. */
export function attempt<T>(log: Log, kind: string, object: string, step: () => T): T | undefined {
  try {
    return step()
  } catch (error) {
    if (!isSysError(error)) throw error
    noteFailure(log, kind, object, error.message)
    return undefined
  }
}

export function hasChanges({ changed }: Log): boolean {
  return Object.values(changed).some(({ added, removed, replaced }) => added + removed + replaced > 0)
}

/** What was missing or wrong; what was there too much is no drift. */
export function driftOf({ changed }: Log): Drift {
  const lost = ({ added, replaced }: Counts) => added + replaced
  return {
    route: lost(changed.routes),
    link: lost(changed.links),
    nft: lost(changed.nft),
    fdb: lost(changed.fdb),
    neighbour: lost(changed.neighbours),
    sysctl: lost(changed.sysctls),
  }
}

export const NO_DRIFT: Drift = { route: 0, link: 0, nft: 0, fdb: 0, neighbour: 0, sysctl: 0 }
