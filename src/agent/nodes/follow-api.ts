// Keeps the Nodes as the API server has them: a list, then a watch from its version on, until the agent stops.

import { CniError } from '../../cni/error.ts'
import { reasonOf } from '../failure.ts'
import type { Api } from '../kube/api.ts'
import { ApiError, isGone } from '../kube/api-error.ts'
import { ListItems } from '../kube/list-items.ts'
import { metadataOf, resourceVersionOf, WatchEvents } from '../kube/watch-events.ts'
import { backoff, sleep } from '../loop/backoff.ts'
import { NodeList, type Nodes } from './nodes.ts'
import type { SourceObserver } from './source.ts'

export interface FollowOptions {
  readonly pageSize: number
  /** Seconds. */
  readonly idleTimeout: number
}

const PATH = '/api/v1/nodes'
/** Milliseconds. */
const FIRST_WAIT = 200
const MAX_WAIT = 30_000
/** Milliseconds. A watch that lasted this long was not a failure, however it ended. */
const GOOD_WATCH = 5_000
const LIST_IDLE = 30_000
/** Seconds a watch may last, as client-go has it: the server balances its connections by that. */
const WATCH_SECONDS = { least: 300, most: 600 }

/** Shared by the steps. */
export interface Follow {
  readonly api: Api
  readonly nodes: Nodes
  readonly observer: SourceObserver
  readonly options: FollowOptions
  readonly signal: AbortSignal
}

/** Runs until `signal`. Never throws and never gives up: each failure is reported and retried, 0.2 to 30 s later. */
export async function followNodes(follow: Follow): Promise<void> {
  const { observer, signal } = follow
  const wait = backoff(FIRST_WAIT, MAX_WAIT)
  // The resourceVersion that the watch continues from; undefined when a list is needed.
  let version: string | undefined
  const attempt = async () => {
    if (version === undefined) {
      observer.state('listing', '')
      version = await listNodes(follow)
    }
    observer.state('watching', '')
    await watchNodes(follow, version, (seen) => {
      version = seen
      wait.reset()
    })
  }
  while (!signal.aborted) {
    observer.beat()
    const started = performance.now()
    const failure = await attempt().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (signal.aborted) return
    // An event that cannot be read would be sent again from the same version.
    if (isGone(failure) || failure instanceof CniError) version = undefined
    if (failure === undefined && performance.now() - started >= GOOD_WATCH) {
      wait.reset()
      continue
    }
    observer.state('waiting', failure === undefined ? 'the watch ended right after its start' : reasonOf(failure))
    await sleep(wait.next(failure instanceof ApiError ? failure.retryAfter : 0), signal)
  }
}

/** The whole cluster, page by page, into `nodes`; returns the version to watch from. */
async function listNodes(follow: Follow): Promise<string> {
  try {
    return await listPages(follow, follow.options.pageSize)
  } catch (error) {
    // A continuation lives five minutes on the server. Where the pages took longer, there is the list in one piece.
    if (!isGone(error)) throw error
    return listPages(follow, 0)
  }
}

/** `limit` 0 is unlimited. */
async function listPages({ api, nodes, observer, signal }: Follow, limit: number): Promise<string> {
  const list = new NodeList()
  let next = ''
  let version = ''
  do {
    // Without a resourceVersion the list is the newest; with 0 it might be older than what we know, and the limit would not count.
    const query = new URLSearchParams({ ...(limit > 0 && { limit: String(limit) }), ...(next && { continue: next }) })
    const items = new ListItems((item) => list.add(item))
    await api.read(query.size > 0 ? `${PATH}?${query}` : PATH, items, { signal, idle: LIST_IDLE })
    observer.beat()
    const page = items.end()
    const { continue: rest } = metadataOf(page)
    next = typeof rest === 'string' ? rest : ''
    version = resourceVersionOf(page)
  } while (next)
  if (version === '') throw new Error(`GET ${PATH}: the list has no resourceVersion`)
  nodes.replace(list.nodes)
  observer.listed(list.nodes.size)
  return version
}

/** Returns where the server ends the watch in good order. `onVersion` gets each resourceVersion. */
async function watchNodes(
  { api, nodes, observer, options, signal }: Follow,
  version: string,
  onVersion: (version: string) => void,
): Promise<void> {
  const { least, most } = WATCH_SECONDS
  const query = new URLSearchParams({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: version,
    timeoutSeconds: String(Math.round(least + Math.random() * (most - least))),
  })
  const events = new WatchEvents({
    set: (object) => nodes.put(object),
    deleted: (object) => nodes.remove(object),
    seen(resourceVersion) {
      observer.event()
      if (resourceVersion !== '') onVersion(resourceVersion)
    },
  })
  await api.read(`${PATH}?${query}`, events, { signal, idle: options.idleTimeout * 1000, beat: () => observer.beat() })
}
