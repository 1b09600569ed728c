// A cluster without Kubernetes in a throw-away host: nodes a and b on one link, c behind a router, which is the host itself and knows no pod.
// Beyond the router an outside that has no way back to pods. Each node is a namespace with one pod behind it.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeState } from '../../src/node/state.ts'
import { program } from './node-files.ts'
import type { Host, Outcome, Pod } from './throwaway-host.ts'

export type NodeName = 'a' | 'b' | 'c'

export interface ClusterNode {
  readonly name: NodeName
  readonly netns: Pod
  /** A pod of the node: 10.1.N.5 and fd00:N::5. */
  readonly pod: Pod
  readonly stateDir: string
  /** `podwire VERB… --state-dir …` */
  podwire(verb: string, stdin?: string): Promise<Outcome>
  /** A shell's commands in the node's namespace; a status other than 0 throws. */
  run(script: string): Promise<string>
}

export interface Cluster {
  readonly host: Host
  readonly nodes: Readonly<Record<NodeName, ClusterNode>>
  readonly outside: Pod
}

interface Place {
  readonly number: number
  readonly v4: string
  readonly v6: string
  readonly gateway4: string
  readonly gateway6: string
  readonly bridge: string
}

const places: Readonly<Record<NodeName, Place>> = {
  a: { number: 1, v4: '192.168.5.1', v6: 'fd05::1', gateway4: '192.168.5.254', gateway6: 'fd05::fe', bridge: 'near' },
  b: { number: 2, v4: '192.168.5.2', v6: 'fd05::2', gateway4: '192.168.5.254', gateway6: 'fd05::fe', bridge: 'near' },
  c: { number: 3, v4: '192.168.6.3', v6: 'fd06::3', gateway4: '192.168.6.254', gateway6: 'fd06::fe', bridge: 'far' },
}

/** What node `self` should have, in a cluster of those that `peers` names. */
export function stateOf(self: NodeName, change: Partial<NodeState> = {}, peers: readonly NodeName[] = ['a', 'b', 'c']): NodeState {
  const entry = (name: NodeName) => {
    const { number, v4, v6 } = places[name]
    return { name, addresses: [v4, v6], podCidrs: [`10.1.${number}.0/24`, `fd00:${number}::/64`] }
  }
  return {
    protocol: 1,
    node: entry(self),
    peers: peers.filter((name) => name !== self).map(entry),
    routing: { mode: 'auto', device: '', vni: 1, port: 8472 },
    mtu: 0,
    masquerade: { enabled: true, exempt: [], randomFully: true },
    forwardAccept: true,
    ...change,
  }
}

/** Nothing of podwire is on the nodes yet. */
export async function makeCluster(host: Host): Promise<Cluster> {
  await host.run('sh', '-ec', ROUTER)
  const [a, b, c] = [await makeNode(host, 'a'), await makeNode(host, 'b'), await makeNode(host, 'c')]
  const outside = await host.pod('outside')
  await host.run(
    'sh',
    '-ec',
    `ip link add out type veth peer name eth0 netns outside
     ip addr add 203.0.113.254/24 dev out; ip -6 addr add 2001:db8::fe/64 dev out nodad; ip link set out up
     ip -n outside addr add 203.0.113.1/24 dev eth0; ip -n outside -6 addr add 2001:db8::1/64 dev eth0 nodad
     ip -n outside link set lo up; ip -n outside link set eth0 up
     ip -n outside route add default via 203.0.113.254; ip -n outside -6 route add default via 2001:db8::fe`,
  )
  return { host, nodes: { a, b, c }, outside }
}

const ROUTER = `
for of in all default; do echo 0 >/proc/sys/net/ipv6/conf/$of/accept_dad; done
for name in near far; do
  ip link add $name type bridge
  ip link set $name up
done
ip addr add 192.168.5.254/24 dev near; ip -6 addr add fd05::fe/64 dev near nodad
ip addr add 192.168.6.254/24 dev far; ip -6 addr add fd06::fe/64 dev far nodad
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
`

async function makeNode(host: Host, name: NodeName): Promise<ClusterNode> {
  const { number, v4, v6, gateway4, gateway6, bridge } = places[name]
  const netns = await host.pod(name)
  const pod = await host.pod(`pod-${name}`)
  // No second of waiting for duplicate addresses, in which a node's first neighbour solicitation would be lost.
  for (const { exec } of [netns, pod])
    await exec('sh', ['-c', 'for of in all default; do echo 0 >/proc/sys/net/ipv6/conf/$of/accept_dad; done'])
  // The pod's link as a plugin leaves it: the subnet's first address at the node's end.
  await host.run(
    'sh',
    '-ec',
    `ip link add n-${name} master ${bridge} up type veth peer name eth0 netns ${name}
     ip -n ${name} addr add ${v4}/24 dev eth0; ip -n ${name} -6 addr add ${v6}/64 dev eth0 nodad
     ip -n ${name} link set lo up; ip -n ${name} link set eth0 up
     ip -n ${name} route add default via ${gateway4}; ip -n ${name} -6 route add default via ${gateway6}
     ip -n ${name} link add pod0 type veth peer name eth0 netns pod-${name}
     ip -n ${name} addr add 10.1.${number}.1/24 dev pod0; ip -n ${name} -6 addr add fd00:${number}::1/64 dev pod0 nodad
     ip -n ${name} link set pod0 up
     ip -n pod-${name} addr add 10.1.${number}.5/24 dev eth0; ip -n pod-${name} -6 addr add fd00:${number}::5/64 dev eth0 nodad
     ip -n pod-${name} link set lo up; ip -n pod-${name} link set eth0 up
     ip -n pod-${name} route add default via 10.1.${number}.1; ip -n pod-${name} -6 route add default via fd00:${number}::1`,
  )
  const stateDir = join(host.dir, name)
  mkdirSync(stateDir)
  return {
    name,
    netns,
    pod,
    stateDir,
    podwire: (verb, stdin = '') => netns.exec(program, [...verb.split(' '), '--state-dir', stateDir], { stdin }),
    async run(script) {
      const { status, stdout, stderr } = await netns.exec('sh', ['-ec', script])
      if (status !== 0) throw new Error(`${name}: ${script}: status ${status}: ${stderr}`)
      return stdout
    },
  }
}

/** One pass on the node; what it reported. */
export async function apply(node: ClusterNode, state: NodeState) {
  const { stdout, stderr } = await node.podwire('node apply', JSON.stringify(state))
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

/** True where an answer comes back within a second. */
export async function pings(from: Pod, address: string, ...options: string[]): Promise<boolean> {
  const { status } = await from.exec('ping', ['-c', '1', '-W', '1', ...options, address])
  return status === 0
}
