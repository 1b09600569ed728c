// What ADD made on the node for a running pod is removed by hand: a pass makes it again, and the pod itself is never touched.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fairSecond } from '../../test/harness/agent.ts'
import { putNetwork, runTool } from '../../test/harness/cnitool.ts'
import { describeHost, type Host, type Outcome, type Pod, withHost } from '../../test/harness/netns.ts'
import { program } from '../../test/harness/node-files.ts'
import { askAll, serve } from '../../test/harness/traffic.ts'

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

const answers = (host: Host) =>
  askAll(host, [
    { protocol: 'tcp', address: '10.1.0.2', port: 80 },
    { protocol: 'tcp', address: 'fd01::2', port: 80 },
    { protocol: 'tcp', address: '192.0.2.1', port: 8080 },
  ])

/** Milliseconds: two seconds, more on a busy machine, and the client's timeout. */
const limit = () => 2 * fairSecond() + 1500

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await done())) if (performance.now() > end) throw new Error('not within 10 s')
}

const podSide = (pod: Pod) => pod.exec('sh', ['-c', 'ip -d addr; ip route; ip -6 route']).then(({ stdout }) => stdout)

const DAMAGES: readonly (readonly [datapath: string, what: string, damage: string, drift: Partial<Drift>])[] = [
  ['ptp', 'the route', 'ip route flush proto boot', { 'pod-route': 1 }],
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

  for (const path of ['ptp', 'bridge']) {
    it(`with datapath ${path} answers again within 2 s when a pass follows each notification`, async () => {
      await withRunning(path, async ({ host, link }) => {
        const stateDir = join(host.dir, 'state')
        // What the agent does: a pass for each line.
        const loop = `sleep 60 | ${program} node watch --state-dir ${stateDir} | while read -r line; do echo "$line" >>${host.dir}/lines
          ${program} node apply --last --state-dir ${stateDir} >/dev/null; done`
        const watching = host.exec('timeout', ['60', 'sh', '-c', loop], { timeout: 70_000 })
        await until(() => existsSync(join(host.dir, 'lines')))
        for (const [, what, damage] of DAMAGES.filter(([datapath, name]) => datapath === path && name !== 'an element')) {
          await host.run('sh', '-ec', damage.replaceAll('LINK', link))
          const removed = performance.now()
          await until(async () => (await answers(host)).every((answer) => answer.startsWith('web')))
          expect(performance.now() - removed, what).toBeLessThan(limit())
        }
        await host.run('sh', '-ec', 'kill $(pidof sleep)')
        await watching
      })
    })
  }

  it('leaves nothing when it is deleted while passes run', async () => {
    await withRunning('ptp', async ({ host, pod }) => {
      const stateDir = join(host.dir, 'state')
      const stop = join(host.dir, 'stop')
      const loop = `until [ -e ${stop} ]; do ${program} node apply --last --state-dir ${stateDir} >/dev/null; done`
      const passes = [host.exec('sh', ['-c', loop], { timeout: 60_000 }), host.exec('sh', ['-c', loop], { timeout: 60_000 })]
      for (let round = 0; round < 20; round++) {
        // Something to restore at the moment of the DEL.
        await host.run('sh', '-ec', 'nft flush map inet podwire hostports4; ip route flush proto boot')
        await succeed(runTool(host, 'del', 'net', pod, { env: port }))
        // A pass that was restoring meanwhile removes it again.
        await until(async () => {
          const left = await host.run('sh', '-ec', 'ip -o link show type veth; ip route; nft list table inet podwire')
          return !/cnitool-|10\.1\.0\.(?!0\/24)/.test(left)
        })
        await succeed(runTool(host, 'add', 'net', pod, { env: port }))
      }
      await host.run('touch', stop)
      await Promise.all(passes)
      expect(await askAll(host, [{ protocol: 'tcp', address: '192.0.2.1', port: 8080 }])).toEqual([expect.stringMatching(/^web/)])
    })
  })

  it('stays dark when its link is not the one that ADD made, or another route leads to its address', async () => {
    await withRunning('ptp', async ({ host, link, apply }) => {
      await host.run('sh', '-ec', 'ip route del 10.1.0.2; ip route add 10.1.0.2 dev up0')
      const { problems } = await apply()
      expect(problems).toEqual([
        expect.objectContaining({ kind: 'pod-route', message: expect.stringContaining('a route to another device') }),
      ])
      expect(await host.run('ip', 'route', 'show', '10.1.0.2')).toContain('dev up0')
      await host.run('sh', '-ec', `ip route del 10.1.0.2; ip link set ${link} address 02:00:00:00:00:01`)
      expect(await apply()).toMatchObject({ drift: none, problems: [], pods: { compared: 0 } })
      expect(await host.run('ip', 'route', 'show', '10.1.0.2')).toBe('')
    })
  })
})
