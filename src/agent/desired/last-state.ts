// The last applied state, as the native program saved it: what a node uses while the API server is unreachable.

import { readFileSync } from 'node:fs'
import { isObject, type Json, parseJson } from '../../cni/json.ts'
import { desiredPath } from '../../contract/paths.ts'
import { PROTOCOL } from '../../node/state.ts'

export interface LastState {
  /** A NodeState. */
  readonly json: string
  readonly podCidrs: readonly string[]
}

/** Undefined before the first; throws where it cannot be read, has another protocol, or is of another node, as on a copied disk. */
export function readLastState(stateDir: string, node: string): LastState | undefined {
  const path = desiredPath({ stateDir })
  const json = readOrNothing(path)
  if (json === undefined) return undefined
  const state = parseJson(json, path)
  const own = isObject(state) && isObject(state.node) ? state.node : {}
  if (!isObject(state) || state.protocol !== PROTOCOL) throw new Error(`${path} does not have protocol ${PROTOCOL}`)
  if (own.name !== node) throw new Error(`${path} is of node ${JSON.stringify(own.name)}, not of ${node}`)
  const podCidrs = Array.isArray(own.podCidrs) ? own.podCidrs.filter((cidr: Json) => typeof cidr === 'string') : []
  return { json, podCidrs }
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
