// What the tests of the plugin `podwire` have in common: a network with everything on, its verbs, and what they leave on the host.

import { expect } from 'vitest'
import { type Answer, traces } from './bridge.ts'
import type { CniOptions, Host, Pod } from './netns.ts'

export const network = {
  cniVersion: '1.1.0',
  name: 'net',
  type: 'podwire',
  ipam: {
    type: 'host-local',
    ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  },
}

/** `network` with a host port, limits both ways and a sysctl; pods on one host need different ports. */
export function full(datapath: string, hostPort = 8080) {
  return {
    ...network,
    datapath,
    sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2' },
    runtimeConfig: {
      portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }],
      bandwidth: { ingressRate: 1e8, egressRate: 5e7 },
    },
  }
}

/** Any verb; the pod is `ns/NAME` to Kubernetes and NAME to the runtime. */
export function call(host: Host, verb: string, pod: Pod, config: unknown, options: CniOptions = {}) {
  const args = `K8S_POD_NAMESPACE=ns;K8S_POD_NAME=${pod.name}`
  return host.cni('podwire', verb, config, { netns: pod.netns, id: pod.name, args, ...options })
}

/** ADD that has to succeed without a word on stderr; also as it was written. */
export async function attach(host: Host, pod: Pod, config: unknown, options: CniOptions = {}): Promise<Answer & { readonly text: string }> {
  const { status, stdout, stderr, json } = await call(host, 'ADD', pod, config, options)
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' })
  return { ...(json as Answer), text: stdout }
}

/** A verb without an answer, which has to succeed. */
export async function succeed(host: Host, verb: string, pod: Pod, config: unknown, options: CniOptions = {}): Promise<void> {
  const { status, stdout } = await call(host, verb, pod, config, options)
  expect({ status, stdout }, verb).toEqual({ status: 0, stdout: '' })
}

/** A verb that has to fail as CNI wants it. */
export async function refuse(host: Host, verb: string, pod: Pod, config: unknown, options: CniOptions = {}) {
  const { status, json, stdout } = await call(host, verb, pod, config, options)
  expect(status, stdout).toBe(1)
  return json as { readonly code: number; readonly msg: string; readonly details?: string }
}

/** Everything that an attachment may leave on the host: links, addresses, routes, packet filter, leases, queues and what redirects to them. */
export async function remains(host: Host): Promise<string[]> {
  const qdiscs = await host.run('tc', 'qdisc', 'show')
  return [...(await traces(host)), ...qdiscs.split('\n').filter(Boolean)].sort()
}
