// The few fields of Kubernetes' objects that the hooks read, and lists page by page. An API server's answers are trusted.

import type { Request } from '../agent/kube/request.ts'
import { isObject, type JsonObject } from '../cni/json.ts'

export interface Node {
  readonly name: string
  /** False where its kubelet has stopped reporting, so that no pod will start there. */
  readonly reachable: boolean
}

export interface Pod {
  readonly name: string
  readonly node: string
  readonly phase: string
  readonly ready: boolean
  readonly ips: readonly string[]
  readonly hostIps: readonly string[]
  /** Termination message of the first container, or why it does not start. */
  readonly message: string
}

const PAGE = 500

export async function listNodes(request: Request): Promise<Node[]> {
  return list(request, '/api/v1/nodes', '', (node) => ({
    name: text(node, 'metadata', 'name'),
    reachable: items(node, 'status', 'conditions').every((c) => text(c, 'type') !== 'Ready' || text(c, 'status') !== 'Unknown'),
  }))
}

/** `selector` as in kubectl's --selector. */
export async function listPods(request: Request, namespace: string, selector: string): Promise<Pod[]> {
  return list(request, `/api/v1/namespaces/${namespace}/pods`, `&labelSelector=${encodeURIComponent(selector)}`, readPod)
}

function readPod(pod: JsonObject): Pod {
  const [container] = items(pod, 'status', 'containerStatuses')
  const state = at(container, 'state')
  return {
    name: text(pod, 'metadata', 'name'),
    node: text(pod, 'spec', 'nodeName'),
    phase: text(pod, 'status', 'phase'),
    ready: items(pod, 'status', 'conditions').some((c) => text(c, 'type') === 'Ready' && text(c, 'status') === 'True'),
    ips: items(pod, 'status', 'podIPs').map((ip) => text(ip, 'ip')),
    hostIps: items(pod, 'status', 'hostIPs').map((ip) => text(ip, 'ip')),
    message: (text(state, 'terminated', 'message') || text(state, 'waiting', 'message') || text(pod, 'status', 'message')).trim(),
  }
}

async function list<T>(request: Request, path: string, query: string, read: (item: JsonObject) => T): Promise<T[]> {
  const found: T[] = []
  let next = ''
  do {
    const page = await request('GET', `${path}?limit=${PAGE}${query}${next && `&continue=${encodeURIComponent(next)}`}`)
    // At once, so that no whole objects stay in memory.
    found.push(...items(page, 'items').map(read))
    next = text(page, 'metadata', 'continue')
  } while (next !== '')
  return found
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isPlain(inner) ? inner[key] : undefined), value)
}

/** The text at `path`, '' where it is missing. */
export function text(value: unknown, ...path: string[]): string {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : ''
}

/** The number at `path`, 0 where it is missing. */
export function count(value: unknown, ...path: string[]): number {
  const found = at(value, ...path)
  return typeof found === 'number' ? found : 0
}

function items(value: unknown, ...path: string[]): JsonObject[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? found.filter(isPlain) : []
}

// Whatever JSON.parse returned is JSON.
const isPlain = (value: unknown): value is JsonObject => isObject(value as never)
