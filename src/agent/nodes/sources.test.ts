import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type FakeNode, nodeJson, numberedNode } from '../../../test/fake-api/node-json.ts'
import { FakeApi } from '../../../test/fake-api/server.ts'
import { writeKubeconfig } from '../../../test/harness/agent.ts'
import { Api } from '../kube/api.ts'
import { followNodes } from './follow-api.ts'
import { followFile } from './follow-file.ts'
import { Nodes } from './nodes.ts'
import type { SourceObserver } from './source.ts'

const cleanup: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end()
})

/** A cluster that a source is followed in: what it has, and how the source fails and recovers. */
interface Cluster {
  set(...nodes: readonly FakeNode[]): void
  delete(name: string): void
  fail(): Promise<void> | void
  recover(): Promise<void> | void
  follow(nodes: Nodes, observer: SourceObserver, signal: AbortSignal): Promise<void>
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-nodes-'))
  cleanup.push(() => rmSync(dir, { recursive: true }))
  return dir
}

async function apiCluster(): Promise<Cluster> {
  const server = new FakeApi({ images: 1 })
  await server.start()
  const kubeconfig = writeKubeconfig(folder(), server.url)
  const api = new Api({ kubeconfig, host: '', port: 0, pageSize: 2, idleTimeout: 150 })
  cleanup.push(async () => {
    api.close()
    await server.stop()
  })
  return {
    set(...nodes) {
      for (const node of nodes) server.set(node)
    },
    delete: (name) => server.delete(name),
    fail: () => server.stop(),
    recover: () => server.start(),
    follow: (nodes, observer, signal) => followNodes({ api, nodes, observer, options: { pageSize: 2, idleTimeout: 150 }, signal }),
  }
}

async function fileCluster(): Promise<Cluster> {
  const path = join(folder(), 'nodes.json')
  const all = new Map<string, FakeNode>()
  const write = (text: string) => {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
  const save = () => write(`{"kind":"List","items":[${[...all.values()].map((node) => nodeJson(node, 1, 0, 0)).join()}]}`)
  return {
    set(...nodes) {
      for (const node of nodes) all.set(node.name, node)
      save()
    },
    delete(name) {
      all.delete(name)
      save()
    },
    fail: () => write('{"items": ['),
    recover: save,
    follow: (nodes, observer, signal) => followFile(path, nodes, observer, signal),
  }
}

/** Follows until the test ends. */
function start(cluster: Cluster) {
  const changes = vi.fn()
  const nodes = new Nodes(changes)
  const states: string[] = []
  const observer: SourceObserver = { beat() {}, state: (state, why) => states.push(why || state), listed() {}, event() {} }
  const stop = new AbortController()
  const ended = cluster.follow(nodes, observer, stop.signal)
  cleanup.push(() => {
    stop.abort()
    return ended
  })
  const names = () => nodes.list().map(({ name }) => name)
  return { nodes, names, states, changes, ended, stop }
}

const [a, b, c] = [numberedNode(1), numberedNode(2), numberedNode(3)] as const
const within = { timeout: 8_000, interval: 20 }

describe.each([
  ['the API server', apiCluster],
  ['a file', fileCluster],
])('Nodes from %s', (_, make) => {
  it('are the whole cluster once the source is read', async () => {
    const cluster = await make()
    cluster.set(a, b, c)
    const { nodes, names } = start(cluster)
    expect(nodes.synced).toBe(false)
    await vi.waitFor(() => expect(names().sort()).toEqual([a.name, b.name, c.name].sort()), within)
    expect(nodes.synced).toBe(true)
    expect(nodes.list().find(({ name }) => name === a.name)).toMatchObject({ addresses: a.addresses, podCidrs: a.podCidrs })
  })

  it('follow a Node that joins, changes and leaves', async () => {
    const cluster = await make()
    cluster.set(a)
    const { nodes, names } = start(cluster)
    await vi.waitFor(() => expect(names()).toEqual([a.name]), within)
    cluster.set(b)
    await vi.waitFor(() => expect(nodes.size).toBe(2), within)
    cluster.set({ ...b, podCidrs: ['10.77.0.0/24'] })
    await vi.waitFor(() => expect(nodes.list().map(({ podCidrs }) => podCidrs[0])).toContain('10.77.0.0/24'), within)
    cluster.delete(a.name)
    await vi.waitFor(() => expect(names()).toEqual([b.name]), within)
  })

  it('report no change when a Node is written as it was', async () => {
    const cluster = await make()
    cluster.set(a)
    const { names, changes } = start(cluster)
    await vi.waitFor(() => expect(names()).toEqual([a.name]), within)
    cluster.set(a)
    cluster.set(a, b)
    await vi.waitFor(() => expect(names()).toHaveLength(2), within)
    expect(changes).toHaveBeenCalledTimes(2)
  })

  it('stay as they were when the source fails, and follow it again when it recovers', async () => {
    const cluster = await make()
    cluster.set(a, b)
    const { nodes, names, states } = start(cluster)
    await vi.waitFor(() => expect(names()).toHaveLength(2), within)
    await cluster.fail()
    await vi.waitFor(() => expect(states.at(-1)).not.toMatch(/^(listing|watching)$/), within)
    expect(names()).toHaveLength(2)
    expect(nodes.synced).toBe(true)
    await cluster.recover()
    cluster.delete(a.name)
    await vi.waitFor(() => expect(names()).toEqual([b.name]), within)
    expect(states.at(-1)).toBe('watching')
  })

  it('end without an error when the agent stops', async () => {
    const cluster = await make()
    cluster.set(a)
    const { names, ended, stop } = start(cluster)
    await vi.waitFor(() => expect(names()).toHaveLength(1), within)
    stop.abort()
    await expect(ended).resolves.toBeUndefined()
  })
})
