// The Nodes from a file instead of an API server: for a network without Kubernetes, and for trying things out.

import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isObject, type Json, parseJson } from '../../cni/json.ts'
import type { ClusterNode } from '../../node/plan.ts'
import { reasonOf } from '../failure.ts'
import { sleep } from '../loop/backoff.ts'
import { FolderWatch } from '../loop/folder-watch.ts'
import { Notifier } from '../loop/signal.ts'
import { clusterNodeOf } from './node-object.ts'
import type { Nodes } from './nodes.ts'

export interface FileObserver {
  beat(): void
  state(state: 'watching' | 'waiting', why: string): void
  listed(nodes: number): void
}

/** Milliseconds: what the notification misses, as on a network file system. */
const POLL = 2_000
/** A writer that truncates and writes is seen in between. */
const SETTLE = 20

/** Keeps `nodes` as `path` has them until `signal`. A file that is gone or cannot be read changes nothing: the last good content stays. */
export async function followFile(path: string, nodes: Nodes, observer: FileObserver, signal: AbortSignal): Promise<void> {
  let seen = ''
  let reported = ''
  const change = new Notifier()
  // The folder, since editors and `mv` put a new file in the place of the old.
  const folder = new FolderWatch(dirname(path), () => change.notify())
  while (!signal.aborted) {
    folder.ensure()
    observer.beat()
    try {
      const now = await fingerprint(path)
      if (now !== seen) {
        const all = parseNodes(await readFile(path, 'utf8'))
        seen = now
        nodes.replace(all)
        observer.listed(all.size)
        observer.state('watching', '')
        reported = ''
      }
    } catch (error) {
      seen = ''
      const reason = reasonOf(error)
      if (reason !== reported) observer.state('waiting', reason)
      reported = reason
    }
    if (await change.wait(POLL, signal)) await sleep(SETTLE, signal)
  }
  folder.close()
}

/** A NodeList, a List with Nodes in it, or an array of Nodes. Throws where it is none of them; what is no Node in it is passed over. */
export function parseNodes(text: string): Map<string, ClusterNode> {
  const json = parseJson(text, 'the file of Nodes')
  const items = isObject(json) ? json.items : json
  if (!Array.isArray(items)) throw new Error('the file of Nodes is neither a list of Nodes nor an array of them')
  const nodes = items.filter((item: Json) => isObject(item) && (item.kind ?? 'Node') === 'Node').map(clusterNodeOf)
  return new Map(nodes.filter((node) => node !== undefined).map((node) => [node.name, node]))
}

async function fingerprint(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true })
  return `${ino} ${size} ${mtimeNs}`
}
