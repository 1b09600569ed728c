// The programs of the chart's hooks against an API server that exists in memory, with the plans that the chart really writes.

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiError } from '../../src/agent/kube/api-error.ts'
import type { Request } from '../../src/agent/kube/request.ts'
import { type ConnectivityPlan, checkConnectivity } from '../../src/hook/connectivity.ts'
import { type UninstallPlan, uninstallEverywhere } from '../../src/hook/uninstall.ts'
import { describeChart, find, type Part, render } from './helm.ts'

const plan: UninstallPlan = {
  namespace: 'net',
  daemonSet: 'podwire',
  agents: 'component=agent',
  selector: 'component=uninstall',
  pod: { metadata: { generateName: 'u-', labels: { component: 'uninstall' } }, spec: { containers: [] } },
  timeoutSeconds: 5,
  parallel: 2,
}

const owner = { name: 'hook', uid: '1234' }

/** What becomes of the pod on a node; `hangs` stays Running, `agent` is an agent that does not end. */
type Fate = 'ok' | 'fails' | 'hangs' | 'unreachable' | 'agent'

/** A cluster of these nodes, each with an agent. Pods end when they are first listed. */
class FakeCluster {
  readonly fates: Readonly<Record<string, Fate>>
  readonly calls: string[] = []
  pods: { name: string; node: string; component: string; phase: string; message: string }[]
  daemonSet = true
  most = 0
  #made = 0

  constructor(fates: Readonly<Record<string, Fate>>) {
    this.fates = fates
    this.pods = Object.keys(fates).map((node) => ({ name: `agent-${node}`, node, component: 'agent', phase: 'Running', message: '' }))
  }

  readonly request: Request = async (method, path, body: Part) => {
    const url = new URL(path, 'http://api')
    this.calls.push(`${method} ${url.pathname}`)
    if (url.pathname === '/api/v1/nodes') return this.#nodes(url)
    if (url.pathname.endsWith('/daemonsets/podwire')) return this.#daemonSet(method)
    const base = '/api/v1/namespaces/net/pods'
    if (url.pathname === base && method === 'GET') return this.#list(url.searchParams.get('labelSelector')?.split('=')[1] ?? '')
    if (url.pathname === base && method === 'POST') return this.#create(body)
    const name = url.pathname.slice(base.length + 1)
    if (method !== 'DELETE' || !this.pods.some((pod) => pod.name === name)) throw new ApiError(404, `${method} ${path}`)
    this.pods = this.pods.filter((pod) => pod.name !== name)
  }

  /** One node a page. */
  #nodes(url: URL): object {
    const names = Object.keys(this.fates)
    const at = Number(url.searchParams.get('continue') ?? 0)
    const name = names[at] ?? ''
    const ready = this.fates[name] === 'unreachable' ? 'Unknown' : 'False'
    return {
      metadata: at + 1 < names.length ? { continue: String(at + 1) } : {},
      items: [{ metadata: { name }, status: { conditions: [{ type: 'Ready', status: ready }] } }],
    }
  }

  #daemonSet(method: string): object {
    if (!this.daemonSet) throw new ApiError(404, 'no DaemonSet')
    if (method === 'DELETE') {
      this.daemonSet = false
      this.pods = this.pods.filter(
        ({ component, node }) => component !== 'agent' || this.fates[node] === 'agent' || this.fates[node] === 'unreachable',
      )
    }
    return { metadata: { name: 'podwire' } }
  }

  #list(component: string): object {
    const items = this.pods
      .filter((pod) => pod.component === component)
      .map(({ name, node, phase, message }) => ({
        metadata: { name },
        spec: { nodeName: node },
        status: { phase, containerStatuses: [{ state: { terminated: { message } } }] },
      }))
    for (const pod of this.pods) {
      const fate = this.fates[pod.node]
      if (pod.component === 'uninstall' && fate !== 'hangs')
        [pod.phase, pod.message] = fate === 'fails' ? ['Failed', 'removed file: /a\npodwire: disk on fire\n'] : ['Succeeded', '']
    }
    return { items }
  }

  #create({ metadata, spec }: Part): void {
    const { component } = metadata.labels
    expect(metadata.ownerReferences).toEqual([{ apiVersion: 'v1', kind: 'Pod', ...owner }])
    this.pods.push({ name: `${metadata.generateName}${this.#made++}`, node: spec.nodeName, component, phase: 'Pending', message: '' })
    this.most = Math.max(this.most, this.pods.filter((pod) => pod.component === 'uninstall').length)
  }
}

const nodesOf = (outcomes: readonly { node: string; ok: boolean }[]) => Object.fromEntries(outcomes.map(({ node, ok }) => [node, ok]))

describe('uninstalling on every node', () => {
  const output: string[] = []
  afterEach(() => {
    output.length = 0
  })
  const run = (cluster: FakeCluster, over: Partial<UninstallPlan> = {}) => {
    return uninstallEverywhere(cluster.request, { ...plan, ...over }, owner, (outcome) => output.push(outcome.node), 1)
  }

  it('runs one pod on each, not more at a time than it may, after the agents are gone', async () => {
    const cluster = new FakeCluster({ n1: 'ok', n2: 'ok', n3: 'ok', n4: 'ok', n5: 'ok' })
    expect(nodesOf(await run(cluster))).toEqual({ n1: true, n2: true, n3: true, n4: true, n5: true })
    expect(cluster.most).toBe(2)
    expect(cluster.pods).toEqual([])
    const [gone, first] = [
      cluster.calls.findIndex((call) => call.startsWith('DELETE /apis/apps')),
      cluster.calls.findIndex((call) => call.startsWith('POST')),
    ]
    expect(gone).toBeGreaterThan(0)
    expect(first).toBeGreaterThan(gone)
    expect(cluster.calls.filter((call) => call.startsWith('POST'))).toHaveLength(5)
  })

  it('reports the error of each node that fails, and finishes the others', async () => {
    const cluster = new FakeCluster({ n1: 'ok', n2: 'fails', n3: 'ok' })
    expect(await run(cluster)).toEqual([
      { node: 'n1', ok: true, message: '' },
      { node: 'n2', ok: false, message: 'disk on fire' },
      { node: 'n3', ok: true, message: '' },
    ])
    expect(output.sort()).toEqual(['n1', 'n2', 'n3'])
  })

  it('skips a node without a running kubelet, and reports it', async () => {
    const cluster = new FakeCluster({ n1: 'ok', n2: 'unreachable' })
    const outcomes = await run(cluster)
    expect(nodesOf(outcomes)).toEqual({ n1: true, n2: false })
    expect(outcomes[1]?.message).toContain('its kubelet does not report')
  })

  it('ends in time when a pod hangs, and leaves no pod behind', async () => {
    const cluster = new FakeCluster({ n1: 'hangs', n2: 'hangs', n3: 'ok' })
    const outcomes = await run(cluster, { timeoutSeconds: 0.2 })
    expect(nodesOf(outcomes)).toEqual({ n1: false, n2: false, n3: false })
    expect(outcomes[0]?.message).toContain('its pod is Pending after')
    expect(outcomes[2]?.message).toBe('timeout before this node could start')
    expect(cluster.pods).toEqual([])
  })

  it('removes nothing while an agent still runs', async () => {
    const cluster = new FakeCluster({ n1: 'ok', n2: 'agent' })
    await expect(run(cluster, { timeoutSeconds: 0.2 })).rejects.toThrow('pods that do not terminate: agent-n2 on n2')
    expect(cluster.calls.filter((call) => call.startsWith('POST'))).toEqual([])
  })

  it('stops when a new installation starts meanwhile', async () => {
    const cluster = new FakeCluster({ n1: 'ok', n2: 'ok', n3: 'ok' })
    const { request } = cluster
    const racing: Request = async (method, path, body) => {
      if (method === 'POST') cluster.daemonSet = true
      return request(method, path, body)
    }
    await expect(uninstallEverywhere(racing, { ...plan, parallel: 1 }, owner, (outcome) => output.push(outcome.node), 1)).rejects.toThrow(
      'an installation started during this uninstall',
    )
    expect(cluster.calls.filter((call) => call.startsWith('POST'))).toHaveLength(1)
    expect(cluster.pods.filter(({ component }) => component === 'uninstall')).toEqual([])
  })

  it('can be repeated, and removes what an earlier attempt left', async () => {
    const cluster = new FakeCluster({ n1: 'ok' })
    cluster.pods.push({ name: 'old', node: 'n1', component: 'uninstall', phase: 'Failed', message: 'of yesterday' })
    expect(await run(cluster)).toEqual([{ node: 'n1', ok: true, message: '' }])
    expect(await run(cluster)).toEqual([{ node: 'n1', ok: true, message: '' }])
  })
})

describe('trying every connection', () => {
  const servers: http.Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function server(answer: string): Promise<number> {
    const made = http.createServer((_, response) => response.end(answer))
    servers.push(made)
    await new Promise<void>((done) => made.listen(0, '127.0.0.1', done))
    return (made.address() as AddressInfo).port
  }

  const request =
    (ready: boolean): Request =>
    async (_, path) =>
      path.includes('/daemonsets/')
        ? { status: { desiredNumberScheduled: 1 } }
        : {
            items: [
              {
                metadata: { name: 'server' },
                spec: { nodeName: 'n1' },
                status: {
                  podIPs: [{ ip: '127.0.0.1' }],
                  hostIPs: [{ ip: '127.0.0.1' }],
                  conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
                  containerStatuses: [{ state: { waiting: { message: 'no such image' } } }],
                },
              },
            ],
          }

  const tests: ConnectivityPlan = {
    namespace: 'net',
    daemonSet: 'test',
    selector: 'a=b',
    port: 0,
    hostPort: 0,
    dnsName: '',
    outside: '',
    timeoutSeconds: 1,
  }

  it('passes when every server answers', async () => {
    const port = await server('n1 10.0.0.1\n')
    const checks = await checkConnectivity(request(true), {
      ...tests,
      port,
      hostPort: port,
      outside: `127.0.0.1:${port}`,
      dnsName: 'localhost',
    })
    expect(checks.map(({ name, ok }) => [name, ok])).toEqual([
      ['pod on n1, 127.0.0.1', true],
      ['host port on n1, 127.0.0.1', true],
      ['name localhost', true],
      [`outside, 127.0.0.1:${port}`, true],
    ])
  })

  it('fails when another server answers, or no server', async () => {
    const port = await server('n7 10.0.0.1\n')
    const [pod, hostPort] = await checkConnectivity(request(true), { ...tests, port, hostPort: 1 })
    expect(pod).toMatchObject({ ok: false, message: expect.stringContaining('unexpected answer, not from n1') })
    expect(hostPort?.ok).toBe(false)
  })

  it('reports where a server does not become ready, and why', async () => {
    await expect(checkConnectivity(request(false), { ...tests, timeoutSeconds: 0.1 })).rejects.toThrow(
      '0 of 1 servers are ready after 0.1 s; not on n1 (no such image)',
    )
  })
})

describeChart('the plans that the chart writes', () => {
  const planOf = (name: string): Part => JSON.parse(find(render(), 'ConfigMap', name).data['plan.json'])

  it('are what the programs read', () => {
    expect(Object.keys(planOf('podwire-uninstall')).sort()).toEqual(Object.keys(plan).sort())
    const keys: (keyof ConnectivityPlan)[] = [
      'daemonSet',
      'dnsName',
      'hostPort',
      'namespace',
      'outside',
      'port',
      'selector',
      'timeoutSeconds',
    ]
    expect(Object.keys(planOf('podwire-test')).sort()).toEqual(keys)
  })

  it('find the pods that they mean, and no others', () => {
    const labels = (kind: string, name: string) => find(render(), kind, name).spec.template.metadata.labels
    const matches = (selector: string, found: Part) =>
      selector.split(',').every((part) => found[part.split('=')[0] ?? ''] === part.split('=')[1])
    const uninstall = planOf('podwire-uninstall')
    const all = {
      agent: labels('DaemonSet', 'podwire'),
      server: labels('DaemonSet', 'podwire-test'),
      job: labels('Job', 'podwire-uninstall'),
      pod: uninstall.pod.metadata.labels,
    }
    const found = (selector: string) =>
      Object.entries(all)
        .filter(([, of]) => matches(selector, of))
        .map(([name]) => name)
    expect(found(uninstall.agents)).toEqual(['agent'])
    expect(found(uninstall.selector)).toEqual(['pod'])
    expect(found(planOf('podwire-test').selector)).toEqual(['server'])
  })

  it('start nothing on a node that could run later', () => {
    const { spec } = planOf('podwire-uninstall').pod
    expect(spec).toMatchObject({ restartPolicy: 'Never', activeDeadlineSeconds: 60 })
  })

  it('lets the job run longer than what it waits for', () => {
    const { spec } = find(render(), 'Job')
    expect(spec.activeDeadlineSeconds).toBeGreaterThan(planOf('podwire-uninstall').timeoutSeconds)
    expect(spec.backoffLimit).toBe(0)
    const env = Object.fromEntries(
      spec.template.spec.containers[0].env.map(({ name, valueFrom }: Part) => [name, valueFrom?.fieldRef.fieldPath]),
    )
    expect(env).toMatchObject({ POD_NAME: 'metadata.name', POD_UID: 'metadata.uid' })
  })
})
