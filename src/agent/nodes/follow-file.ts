// The Nodes from a file instead of an API server: for a network without Kubernetes, and for tests.

import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isObject, parseJson } from '../../cni/json.ts'
import { reasonOf } from '../failure.ts'
import { sleep } from '../loop/backoff.ts'
import { FolderWatch } from '../loop/folder-watch.ts'
import { Notifier } from '../loop/signal.ts'
import { NodeList, type Nodes } from './nodes.ts'
import type { SourceObserver } from './source.ts'

/** Milliseconds: for file systems without notifications, as of a network. */
const POLL = 2_000
/** Milliseconds: a writer that truncates first has written by then. */
const WRITE_DELAY = 20

/** Keeps `nodes` as `path` has them until `signal`. A file that is missing or invalid changes nothing: the last good content stays. */
export async function followFile(path: string, nodes: Nodes, observer: SourceObserver, signal: AbortSignal): Promise<void> {
  let seen = ''
  let reported = ''
  const change = new Notifier()
  // The directory, since editors and `mv` replace the file.
  const folder = new FolderWatch(dirname(path), () => change.notify())
  while (!signal.aborted) {
    folder.ensure()
    observer.beat()
    try {
      const now = await fingerprint(path)
      if (now !== seen) {
        const list = parseNodes(await readFile(path, 'utf8'))
        seen = now
        nodes.replace(list.nodes)
        observer.listed(list.nodes.size)
        observer.state('watching', '')
        reported = ''
      }
    } catch (error) {
      seen = ''
      const reason = reasonOf(error)
      if (reason !== reported) observer.state('waiting', reason)
      reported = reason
    }
    if (await change.wait(POLL, signal)) await sleep(WRITE_DELAY, signal)
  }
  folder.close()
}

/** From a NodeList, a List with Nodes in it, or an array of Nodes. Throws for anything else; what is not a Node in it is skipped. */
export function parseNodes(text: string): NodeList {
  const json = parseJson(text, 'the file of Nodes')
  const items = isObject(json) ? json.items : json
  if (!Array.isArray(items)) throw new Error('the file of Nodes is neither a List with Nodes nor an array of Nodes')
  const list = new NodeList()
  for (const item of items) if (isObject(item) && (item.kind ?? 'Node') === 'Node') list.add(item)
  return list
}

async function fingerprint(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true })
  return `${ino} ${size} ${mtimeNs}`
}
