// `podwire` on a node where dockerd has been: its rules in iptables, with the policy of FORWARD that an administrator or dockerd itself has set.

import { describe, expect, it } from 'vitest'
import { hasIptables, type IptablesVariant, variants } from '../../../../test/harness/masquerade.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { attach, network, succeed } from '../../../../test/harness/podwire.ts'
import { ask, askAll, serve, wire } from '../../../../test/harness/traffic.ts'

type Family = 'iptables' | 'ip6tables'
const families: readonly Family[] = ['iptables', 'ip6tables']

/** The table `filter` beside a container whose port 80 is published: up to 27 dockerd leads there from FORWARD itself, since 28 by a chain of its own. */
const layouts: Readonly<Record<string, readonly string[]>> = {
  'up to 27': [
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -o docker0 -j DOCKER',
    '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
    '-A FORWARD -i docker0 -o docker0 -j ACCEPT',
    '-A DOCKER -d CONTAINER ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
    '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
    '-A DOCKER-ISOLATION-STAGE-1 -j RETURN',
    '-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
    '-A DOCKER-ISOLATION-STAGE-2 -j RETURN',
    '-A DOCKER-USER -j RETURN',
  ],
  'since 28': [
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER-FORWARD',
    '-A DOCKER -d CONTAINER ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
    '-A DOCKER ! -i docker0 -o docker0 -j DROP',
    '-A DOCKER-BRIDGE -o docker0 -j DOCKER',
    '-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A DOCKER-FORWARD -j DOCKER-CT',
    '-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1',
    '-A DOCKER-FORWARD -j DOCKER-BRIDGE',
    '-A DOCKER-FORWARD -i docker0 -j ACCEPT',
    '-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2',
    '-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP',
  ],
}

/** Both tables of one family, as `iptables-restore` reads them. */
function dockerRules(family: Family, layout: readonly string[], policy: string): string {
  const v4 = family === 'iptables'
  const [subnet, container, target, loopback] = v4
    ? ['172.17.0.0/16', '172.17.0.2/32', '172.17.0.2:80', '127.0.0.0/8']
    : ['fd17::/64', 'fd17::2/128', '[fd17::2]:80', '::1/128']
  const chains = new Set(layout.flatMap((rule) => rule.split(' ')).filter((word) => word.startsWith('DOCKER')))
  const lines = [
    '*filter',
    ':INPUT ACCEPT',
    `:FORWARD ${policy}`,
    ':OUTPUT ACCEPT',
    ...[...chains].map((chain) => `:${chain} -`),
    ...layout.map((rule) => rule.replace('CONTAINER', container)),
    'COMMIT',
    '*nat',
    ...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((chain) => `:${chain} ACCEPT`),
    ':DOCKER -',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    `-A OUTPUT ! -d ${loopback} -m addrtype --dst-type LOCAL -j DOCKER`,
    `-A POSTROUTING -s ${subnet} ! -o docker0 -j MASQUERADE`,
    '-A DOCKER -i docker0 -j RETURN',
    `-A DOCKER ! -i docker0 -p tcp -m tcp --dport 7070 -j DNAT --to-destination ${target}`,
    'COMMIT',
  ]
  return `${lines.join('\n')}\n`
}

// Its pods have 10.2.0.0/24 and fd00:2::/64, and this node has routes to them.
const anotherNode = `
ip route add 10.2.0.0/24 via 192.0.2.2; ip -6 route add fd00:2::/64 via fd03::2
ip netns exec other sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n other link add veth-there type veth peer name eth0 netns there
ip -n other addr add 10.2.0.1/24 dev veth-there; ip -n other addr add fd00:2::1/64 dev veth-there nodad; ip -n other link set veth-there up
ip -n there addr add 10.2.0.2/24 dev eth0; ip -n there addr add fd00:2::2/64 dev eth0 nodad; ip -n there link set eth0 up
ip -n there route add default via 10.2.0.1; ip -n there -6 route add default via fd00:2::1
# Switched to forwarding, it no longer heeds router advertisements.
ip -n other -6 route replace default via fd03::1
`

interface Node {
  readonly host: Host
  readonly one: Pod
  readonly two: Pod
  /** Another node, and a pod on it. */
  readonly other: Pod
  readonly there: Pod
  /** `iptables-VARIANT ARGS` or `ip6tables-VARIANT ARGS`. */
  readonly iptables: (family: Family, ...args: string[]) => Promise<string>
}

async function withDocker(
  variant: IptablesVariant,
  layout: readonly string[],
  policy: string,
  body: (node: Node) => Promise<void>,
): Promise<void> {
  await withHost(async (host) => {
    await host.run(
      'sh',
      '-ec',
      'ip link add docker0 up type bridge; ip addr add 172.17.0.1/16 dev docker0; ip addr add fd17::1/64 dev docker0 nodad',
    )
    for (const family of families) {
      const outcome = await host.exec(`/usr/sbin/${family}-${variant}-restore`, [], { stdin: dockerRules(family, layout, policy) })
      expect(outcome, `${family}-${variant}-restore`).toMatchObject({ status: 0, stderr: '' })
    }
    const other = await wire(host, 'other', '192.0.2', 'fd03')
    const there = await host.pod('there')
    await host.run('sh', '-ec', anotherNode)
    for (const pod of [other, there]) await pod.exec('sh', ['-c', 'ping -6 -c1 -W1 fd00:2::1'])
    const iptables = (family: Family, ...args: string[]) => host.run(`/usr/sbin/${family}-${variant}`, ...args)
    await body({ host, other, there, one: await host.pod('one'), two: await host.pod('two'), iptables })
  })
}

/** Everything in iptables of either kind, without counters and times. */
async function rules(host: Host): Promise<string[]> {
  const saved = await Promise.all(
    variants.filter(hasIptables).flatMap((variant) => families.map((family) => host.run(`/usr/sbin/${family}-${variant}-save`))),
  )
  return saved
    .flatMap((text) => text.split('\n'))
    .flatMap((line) => (line.startsWith('#') || line === '' ? [] : [line.split(' [')[0] ?? '']))
}

/** Those that packets take through FORWARD, then those that end or begin at the node. */
const forwarded = ['pod to pod', 'pod to the other node', 'pod to a pod there', 'a pod there to pod', 'host port from outside']
const own = ['node to pod', 'pod to node', 'host port from the node', 'host port from 127.0.0.1']
const all = (open: boolean) => Object.fromEntries([...forwarded.map((way) => [way, open]), ...own.map((way) => [way, true])])

/** Which ways are open, over TCP and UDP and in both families; the answers where only some are. */
async function openWays({ host, one, two, other, there }: Node): Promise<Record<string, boolean | string>> {
  const asked: readonly (readonly [way: string, from: Host | Pod, port: number, addresses: readonly string[]])[] = [
    ['pod to pod', two, 80, ['10.1.0.2', 'fd00:1::2']],
    ['pod to the other node', one, 80, ['192.0.2.2', 'fd03::2']],
    ['pod to a pod there', one, 80, ['10.2.0.2', 'fd00:2::2']],
    ['a pod there to pod', there, 80, ['10.1.0.2', 'fd00:1::2']],
    ['host port from outside', other, 8080, ['192.0.2.1', 'fd03::1']],
    ['node to pod', host, 80, ['10.1.0.2', 'fd00:1::2']],
    ['pod to node', one, 7000, ['10.1.0.1', 'fd00:1::1']],
    ['host port from the node', host, 8080, ['192.0.2.1', 'fd03::1']],
    ['host port from 127.0.0.1', host, 8080, ['127.0.0.1']],
  ]
  const found = asked.map(async ([way, from, port, addresses]): Promise<[string, boolean | string]> => {
    const questions = addresses.flatMap((address) => ['tcp', 'udp'].map((protocol) => ({ protocol, address, port })))
    const answers = await askAll(from, questions)
    const open = answers.map((answer) => answer !== 'none' && answer !== 'refused')
    return [way, open.every((is) => is === open[0]) ? open[0] === true : answers.join(', ')]
  })
  return Object.fromEntries(await Promise.all(found))
}

const both = { portMappings: ['tcp', 'udp'].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol })) }
const configOf = (datapath: string) => ({ ...network, datapath, runtimeConfig: both })

/** ADDs both pods and starts the servers; what iptables had before that has to be there unchanged. */
async function occupy({ host, one, two, other, there }: Node, datapath: string): Promise<void> {
  const before = await rules(host)
  expect(before).toContain('-A FORWARD -j DOCKER-USER')
  await attach(host, one, configOf(datapath))
  await attach(host, two, { ...network, datapath })
  expect(await rules(host)).toEqual(before)
  for (const place of [one, other, there]) await serve(place, place.name, 80)
  await serve(host, 'node', 7000)
}

/** Takes both away by DEL and GC, which change as little. */
async function leave({ host, one }: Node, datapath: string): Promise<void> {
  const before = await rules(host)
  await succeed(host, 'DEL', one, configOf(datapath))
  const gc = await host.cni('podwire', 'GC', { ...network, datapath, 'cni.dev/valid-attachments': [] }, { id: '' })
  expect(gc).toMatchObject({ status: 0, stdout: '' })
  expect(await rules(host)).toEqual(before)
}

describeHost('podwire with Docker’s rules', () => {
  for (const variant of variants) {
    const reason = hasIptables(variant) ? '' : ` (skipped: iptables-${variant} is not installed)`
    const run = reason ? describe.skip : describe
    run.each(Object.entries(layouts))(`iptables-${variant}, dockerd %s${reason}`, (_, layout) => {
      it.each(['ptp', 'bridge'])('%s: everything is open where the policy of FORWARD is ACCEPT', async (datapath) => {
        await withDocker(variant, layout, 'ACCEPT', async (node) => {
          await occupy(node, datapath)
          expect(await openWays(node)).toEqual(all(true))
          await leave(node, datapath)
        })
      })

      it.each(['ptp', 'bridge'])(
        '%s: where it is DROP only the node itself is served, until DOCKER-USER accepts the pods',
        async (datapath) => {
          await withDocker(variant, layout, 'DROP', async (node) => {
            const { host, two, iptables } = node
            await occupy(node, datapath)
            // Frames within a bridge are none of FORWARD's unless br_netfilter hands them to it, as dockerd has it do where it is loaded.
            const filter = (on: number) =>
              host.exec('sysctl', ['-qw', ...families.map((name) => `net.bridge.bridge-nf-call-${name}=${on}`)])
            await filter(0)
            if (datapath === 'bridge') expect(await ask(two, 'tcp', '10.1.0.2', 80)).toBe('one 10.1.0.3')
            const { status } = await filter(1)
            const inBridge = datapath === 'bridge' && status !== 0
            // An accept in a table of one's own is no help: a verdict ends its own chain only.
            await host.run('nft', 'add table inet own { chain forward { type filter hook forward priority -10; policy accept; accept; }; }')
            expect(await openWays(node)).toEqual({ ...all(false), ...(inBridge && { 'pod to pod': true }) })
            for (const [family, prefix] of [
              ['iptables', '10.1.0.0/24'],
              ['ip6tables', 'fd00:1::/64'],
            ] as const) {
              await iptables(family, '-I', 'DOCKER-USER', '-s', prefix, '-j', 'ACCEPT')
              await iptables(family, '-I', 'DOCKER-USER', '-d', prefix, '-j', 'ACCEPT')
            }
            expect(await openWays(node)).toEqual(all(true))
            await leave(node, datapath)
          })
        },
      )
    })
  }
})
