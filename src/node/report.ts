// What a pass over the node's network did, or would do.

import type { Problem } from '../contract/problem.ts'
import { isSysError } from '../host/error.ts'
import type { PROTOCOL } from './state.ts'

export type Kind = 'routes' | 'fdb' | 'neighbours' | 'links' | 'nft' | 'sysctls'
export type Action = 'added' | 'removed' | 'replaced'
export type Counts = Record<Action, number>

/** One object that was not as desired. */
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
  /** How many failures there were, also beyond the length of the list; 0 is a complete pass. */
  readonly failed: number
  /** Peers that no path leads to. */
  readonly peers: readonly { readonly name: string; readonly path: 'none'; readonly reason: string }[]
  readonly durationMs: number
  /** Objects of the last pass's state that the kernel had lost. */
  readonly drift: Drift
  /** The objects, in a dry run. */
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

/** What a pass collects for its report. */
export interface Log {
  readonly changed: Record<Kind, Counts>
  readonly changes: Change[] | undefined
  readonly problems: Problem[]
  failed: number
}

/** Thousands of objects may share a problem. */
const MAX_PROBLEMS = 50

export function newLog(dryRun: boolean): Log {
  const none = (): Counts => ({ added: 0, removed: 0, replaced: 0 })
  const changed = { routes: none(), fdb: none(), neighbours: none(), links: none(), nft: none(), sysctls: none() }
  return { changed, changes: dryRun ? [] : undefined, problems: [], failed: 0 }
}

/** `object` is called only in a dry run. */
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

/** Runs a step; a failure is noted and undefined, and the other steps run. */
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

/** What was missing or different; a stale object is not drift. */
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
