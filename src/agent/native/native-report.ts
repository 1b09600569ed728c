// The reports of `podwire node …`, read defensively: the program may be of another version, or have died while it wrote.

import { isObject, type Json, type JsonObject, parseJson } from '../../cni/json.ts'
import type { Problem } from '../../contract/problem.ts'

/** Of `node apply`. */
export interface ApplyReport {
  readonly routes: { readonly desired: number; readonly actual: number }
  readonly mtu: number
  readonly vxlan: boolean
  readonly problems: readonly Problem[]
  /** Peers that no path leads to. */
  readonly peers: readonly Json[]
  /** Kind → objects of the last state that were missing or changed. */
  readonly drift: ReadonlyMap<string, number>
  /** What it did, kind by kind; for the log. */
  readonly changed: Json
}

/** Of `node publish`. */
export interface PublishReport {
  /** The conflist is in place and has these ranges. */
  readonly published: boolean
  readonly changed: boolean
  readonly path: string
  readonly sha256: string
  readonly others: readonly { readonly file: string; readonly wins: boolean; readonly action: string }[]
  readonly problems: readonly Problem[]
}

/** Throws where it is not JSON. A missing field reads as 0, false or empty. */
export function parseApplyReport(text: string): ApplyReport {
  const json = objectOf(parseJson(text, 'the report of `node apply`'))
  const routes = objectOf(json.routes)
  return {
    routes: { desired: numberOf(routes.desired), actual: numberOf(routes.actual) },
    mtu: numberOf(json.mtu),
    vxlan: json.vxlan === true,
    problems: problemsOf(json.problems),
    peers: listOf(json.peers),
    drift: new Map(Object.entries(objectOf(json.drift)).map(([kind, count]) => [kind, numberOf(count)])),
    changed: json.changed ?? null,
  }
}

export function parsePublishReport(text: string): PublishReport {
  const json = objectOf(parseJson(text, 'the report of `node publish`'))
  return {
    published: json.published === true,
    changed: json.changed === true,
    path: textOf(json.path),
    sha256: textOf(json.sha256),
    others: listOf(json.others)
      .map(objectOf)
      .map(({ file, wins, action }) => ({ file: textOf(file), wins: wins === true, action: textOf(action) })),
    problems: problemsOf(json.problems),
  }
}

/** Of `version -o json`. */
export function parseVersion(text: string): { readonly version: string; readonly protocol: number } {
  const { version, protocol } = objectOf(parseJson(text, 'the answer to `version`'))
  return { version: textOf(version), protocol: numberOf(protocol) }
}

/** A line of `node watch`; undefined where it is not an event. */
export function parseWatchEvent(line: string): { readonly event: string; readonly object: string } | undefined {
  try {
    const { event, object } = objectOf(parseJson(line, 'a line of `node watch`'))
    return typeof event === 'string' ? { event, object: textOf(object) } : undefined
  } catch {
    return undefined
  }
}

function problemsOf(value: Json | undefined): Problem[] {
  return listOf(value).map((entry) => {
    if (!isObject(entry)) return { kind: 'other', object: '', message: String(entry), failed: true }
    const { kind, object, message, failed } = entry
    return { kind: textOf(kind) || 'other', object: textOf(object), message: textOf(message), failed: failed !== false }
  })
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
