// What ADD made on the node for a running pod is removed by hand: a pass makes it again, and the pod itself is never touched.

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { putNetwork, runTool } from '../../test/harness/cnitool.ts'
import { describeHost, type Host, type Outcome, type Pod, withHost } from '../../test/harness/netns.ts'
import { program } from '../../test/harness/node-files.ts'
import { ask, serve } from '../../test/harness/traffic.ts'

const state = {
  protocol: 1,
  node: { name: 'n', addresses: ['192.0.2.1'], podCidrs: ['10.1.0.0/24', 'fd01::/64'] },
  peers: [],
  routing: { mode: 'none', device: '', vni: 1, port: 8472 },
  mtu: 0,
  masquerade: { enabled: true, exempt: [], randomFully: true },
  forwardAccept: false,
}

const plugin = (datapath: string) => ({
  type: 'podwire',
  datapath,
  capabilities: { portMappings: true },
  ipam: {
    type: 'host-local',
    ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd01::/64' }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  },
})

const port = { CAP_ARGS: '{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' }

interface Drift {
  readonly 'pod-link': number
  readonly 'pod-address': number
  readonly 'pod-route': number
  readonly 'pod-port': number
}

interface Running {
  readonly host: Host
  readonly pod: Pod
  /** The pod's link on the node. */
  readonly link: string
  readonly apply: () => Promise<{ drift: Drift; problems: { kind: string; message: string }[]; pods: { compared: number } }>
}

const none: Drift = { 'pod-link': 0, 'pod-address': 0, 'pod-route': 0, 'pod-port': 0 }

async function succeed(outcome: Promise<Outcome>): Promise<string> {
  const { status, stdout, stderr } = await outcome
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

/** A node with one running pod of `podwire`, which answers on host port 8080. */
function withRunning(datapath: string, body: (running: Running) => Promise<void>): Promise<void> {
  return withHost(async (host) => {
    await host.run('sh', '-ec', 'ip link add up0 type veth peer name up1; ip addr add 192.0.2.1/24 dev up0; ip link set up0 up')
    putNetwork(host, 'net', [plugin(datapath)])
    const pod = await host.pod('web')
    const added = JSON.parse(await succeed(runTool(host, 'add', 'net', pod, { env: port })))
    await serve(pod, 'web', 80)
    const run = async () => {
      const args = ['node', 'apply', '--state-dir', join(host.dir, 'state')]
      const { stdout, stderr } = await host.exec(program, args, { stdin: JSON.stringify(state) })
      if (stdout === '') throw new Error(stderr)
      return JSON.parse(stdout)
    }
    await run()
    await body({ host, pod, link: added.interfaces[0].name, apply: run })
  })
}

const answers = async (host: Host) => [
  await ask(host, 'tcp', '10.1.0.2', 80),
  await ask(host, 'tcp', 'fd01::2', 80),
  await ask(host, 'tcp', '192.0.2.1', 8080),
]

const podSide = (pod: Pod) => pod.exec('sh', ['-c', 'ip -d addr; ip route; ip -6 route']).then(({ stdout }) => stdout)

const DAMAGES: readonly (readonly [datapath: string, what: string, damage: string, drift: Partial<Drift>])[] = [
  ['ptp', 'the route', 'ip route del 10.1.0.2', { 'pod-route': 1 }],
  ['ptp', 'the route of IPv6', 'ip -6 route del fd01::2', { 'pod-route': 1 }],
  ['ptp', 'all routes', 'ip route flush proto boot; ip -6 route flush proto boot', { 'pod-route': 2 }],
  // With its last address of IPv4 a device loses its routes.
  ['ptp', 'the gateways', 'ip addr flush dev LINK scope global', { 'pod-address': 2, 'pod-route': 1 }],
  ['ptp', 'a link that is up', 'ip link set LINK down', { 'pod-link': 1, 'pod-address': 1, 'pod-route': 2 }],
  ['ptp', 'the packet filter', 'nft flush ruleset', { 'pod-port': 1 }],
  ['ptp', 'an element', 'nft flush map inet podwire hostports4', { 'pod-port': 1 }],
  ['bridge', 'the port', 'ip link set LINK nomaster', { 'pod-link': 1 }],
  ['bridge', 'the gateways', 'ip addr flush dev podwire0 scope global', { 'pod-address': 2 }],
  ['bridge', 'a link that is up', 'ip link set LINK down', { 'pod-link': 1 }],
  // route_localnet went with the device.
  ['bridge', 'the bridge', 'ip link del podwire0', { 'pod-link': 2, 'pod-address': 2, 'pod-port': 1 }],
  ['bridge', 'the packet filter', 'nft flush ruleset', { 'pod-port': 1 }],
]

describeHost('a running pod', () => {
  for (const path of ['ptp', 'bridge']) {
    it(`with datapath ${path} gets back what was removed, and is not touched`, async () => {
      await withRunning(path, async ({ host, pod, link, apply }) => {
        const before = [await answers(host), await podSide(pod)]
        expect(before[0]).toEqual([expect.stringMatching(/^web/), expect.stringMatching(/^web/), expect.stringMatching(/^web/)])
        for (const [, what, damage, drift] of DAMAGES.filter(([datapath]) => datapath === path)) {
          await host.run('sh', '-ec', damage.replaceAll('LINK', link))
          expect(await apply(), what).toMatchObject({ drift: { ...none, ...drift }, problems: [], pods: { compared: 1 } })
          expect(await apply(), what).toMatchObject({ drift: none, problems: [], pods: { compared: 1 } })
          expect([await answers(host), await podSide(pod)], what).toEqual(before)
        }
        // DEL removes all of it.
        await succeed(runTool(host, 'del', 'net', pod, { env: port }))
        expect(await apply()).toMatchObject({ drift: none, pods: { compared: 0 } })
        expect((await host.run('nft', 'list', 'ruleset')).includes('cnitool-')).toBe(false)
      })
    })
  }
})
