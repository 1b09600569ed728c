// Gateways that public reports name, through every plugin that attaches: those that work, and those that have to be rejected before anything is made.

import { expect, it } from 'vitest'
import { traces } from './harness/bridge.ts'
import { type CniOutcome, describeHost, type Host, type Pod, withHost } from './harness/netns.ts'

const plugins = {
  bridge: { type: 'bridge', bridge: 'br0', isDefaultGateway: true },
  ptp: { type: 'ptp' },
  'podwire ptp': { type: 'podwire' },
  'podwire bridge': { type: 'podwire', datapath: 'bridge' },
} as const
const names = Object.keys(plugins) as (keyof typeof plugins)[]

interface Config {
  readonly type: string
  readonly [key: string]: unknown
}
type Ipam = { readonly [key: string]: unknown }
const hostLocal = (...ranges: object[]): Ipam => ({ type: 'host-local', ranges: ranges.map((range) => [range]) })
const fixed = (...addresses: object[]): Ipam => ({ type: 'static', addresses })

/** `bridge` names the default route itself; the others get it from IPAM. */
function configOf(plugin: keyof typeof plugins, ipam: Ipam, more: object = {}): Config {
  const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]
  const asked = plugin === 'bridge' ? ipam : { routes, ...ipam }
  return { cniVersion: '1.1.0', name: 'net', ...plugins[plugin], ipam: asked, ...more }
}

function call(host: Host, verb: string, pod: Pod, config: Config): Promise<CniOutcome> {
  return host.cni(config.type, verb, config, { netns: pod.netns, id: pod.name })
}

async function succeed(host: Host, verb: string, pod: Pod, config: Config) {
  const { status, stdout, json } = await call(host, verb, pod, config)
  expect(status, `${verb}: ${stdout}`).toBe(0)
  return json as { readonly ips: readonly { readonly address: string; readonly gateway?: string }[] }
}

const reaches = async (from: Host | Pod, address: string) => (await from.exec('ping', ['-c1', '-W2', address])).status === 0

describeHost('a gateway', () => {
  it.each(names)(
    'fe80::1 serves %s: pods reach each other and the node, twice and more, and pass CHECK',
    { timeout: 30_000 },
    async (plugin) => {
      await withHost(async (host) => {
        const ipam = hostLocal({ subnet: 'fd00:1::/64', gateway: 'fe80::1' })
        const config = configOf(plugin, plugin === 'bridge' ? ipam : { ...ipam, routes: [{ dst: '::/0' }] })
        await host.run('ip', 'addr', 'add', '2001:db8::1/128', 'dev', 'lo')
        const pods = [await host.pod('a'), await host.pod('b'), await host.pod('c')]
        const results = []
        for (const pod of pods) results.push(await succeed(host, 'ADD', pod, config))
        const addresses = results.map(({ ips }) => ips[0]?.address.split('/')[0] ?? '')
        for (const [i, pod] of pods.entries()) {
          expect((await pod.exec('ip', ['-6', 'route', 'show', 'default'])).stdout).toContain('default via fe80::1 dev eth0')
          expect(await reaches(pod, addresses[(i + 1) % 3] ?? ''), 'pod to pod').toBe(true)
          expect(await reaches(pod, '2001:db8::1'), 'pod to an address of the node').toBe(true)
          await succeed(host, 'CHECK', pod, { ...config, prevResult: results[i] })
        }
        for (const pod of pods) await succeed(host, 'DEL', pod, config)
      })
    },
  )

  it.each(names)(
    'fe80::1 beside an IPv4 gateway, with forceAddress, leaves %s what the kernel and others have put there',
    async (plugin) => {
      await withHost(async (host) => {
        const ipam = hostLocal(
          { subnet: '10.1.0.0/24' },
          { subnet: 'fd00:1::/120', gateway: 'fe80::1' },
          { subnet: 'fd00:2::/64', gateway: 'fe80::1' },
        )
        const config = configOf(plugin, ipam, { forceAddress: true })
        const pods = [await host.pod('a'), await host.pod('b')]
        for (const pod of pods) {
          const result = await succeed(host, 'ADD', pod, config)
          await succeed(host, 'CHECK', pod, { ...config, prevResult: result })
        }
        const links = await host.run('ip', '-o', '-6', 'addr', 'show', 'scope', 'link')
        for (const name of await gatewayLinks(host)) {
          const own = links.split('\n').filter((line) => line.includes(` ${name} `))
          expect(
            own.filter((line) => line.includes('fe80::1/')),
            name,
          ).toHaveLength(1)
          expect(
            own.filter((line) => !line.includes('fe80::1/')),
            name,
          ).toHaveLength(1)
        }
      })
    },
  )

  it.each(names)('of each of two IPv4 ranges is an address of the node with %s, also when one existed before', async (plugin) => {
    await withHost(async (host) => {
      const [one, two] = [{ subnet: '10.1.0.0/24' }, { subnet: '10.2.0.0/24' }]
      const routes = plugin === 'bridge' ? {} : { routes: [{ dst: '0.0.0.0/0' }] }
      const [first, both] = [configOf(plugin, { ...hostLocal(one), ...routes }), configOf(plugin, { ...hostLocal(one, two), ...routes })]
      await succeed(host, 'ADD', await host.pod('a'), first)
      for (const pod of [await host.pod('b'), await host.pod('c')]) {
        const result = await succeed(host, 'ADD', pod, both)
        expect(result.ips.map(({ gateway }) => gateway)).toEqual(['10.1.0.1', '10.2.0.1'])
        for (const gateway of ['10.1.0.1', '10.2.0.1']) expect(await reaches(pod, gateway), gateway).toBe(true)
        await succeed(host, 'CHECK', pod, { ...both, prevResult: result })
      }
    })
  })

  it.each(names)('outside the subnet, or the other one of two addresses, serves %s when a route leads to it', async (plugin) => {
    await withHost(async (host) => {
      const [a, b] = [await host.pod('a'), await host.pod('b')]
      const routes = plugin === 'bridge' ? [] : [{ dst: '0.0.0.0/0' }]
      const two = configOf(plugin, { ...fixed({ address: '10.9.0.1/31' }), routes })
      expect((await succeed(host, 'ADD', a, two)).ips[0]?.gateway).toBe('10.9.0.0')
      expect(await reaches(a, '10.9.0.0')).toBe(true)
      await succeed(host, 'DEL', a, two)
      const onLink = plugin.includes('bridge') ? [{ dst: '169.254.1.1/32', scope: 253 }] : []
      const ipam = { ...hostLocal({ subnet: '10.1.0.0/24', gateway: '169.254.1.1' }), routes: [...onLink, ...routes] }
      if (onLink.length > 0) await host.run('ip', 'link', 'del', plugin === 'bridge' ? 'br0' : 'podwire0')
      await succeed(host, 'ADD', b, configOf(plugin, ipam))
      expect(await reaches(b, '169.254.1.1')).toBe(true)
    })
  })

  const path = 'ipam.ranges[0][0]'
  const refusals: [string, Ipam, string][] = [
    [
      'of IPv6 for IPv4',
      hostLocal({ subnet: '10.1.0.0/24', gateway: 'fd00:1::1' }),
      `${path}.gateway: fd00:1::1 is an IPv6 address, 10.1.0.0/24 is IPv4`,
    ],
    [
      'of IPv4 for IPv6',
      hostLocal({ subnet: 'fd00:1::/64', gateway: '10.1.0.1' }),
      `${path}.gateway: 10.1.0.1 is an IPv4 address, fd00:1::/64 is IPv6`,
    ],
    ['link-local for IPv4', hostLocal({ subnet: '10.1.0.0/24', gateway: 'fe80::1' }), `${path}.gateway: fe80::1 is an IPv6 address`],
    [
      'multicast',
      hostLocal({ subnet: '10.1.0.0/24', gateway: '224.0.0.1' }),
      `${path}.gateway: 224.0.0.1 is not an address that a gateway can have`,
    ],
    ['of all nodes', hostLocal({ subnet: 'fd00:1::/64', gateway: 'ff02::2' }), `${path}.gateway: ff02::2 is not an address`],
    [
      'broadcast',
      hostLocal({ subnet: '10.1.0.0/24', gateway: '10.1.0.255' }),
      `${path}.gateway: 10.1.0.255 is the broadcast address of 10.1.0.0/24`,
    ],
    ['at top level', { type: 'host-local', subnet: '10.1.0.0/24', gateway: 'fd00::1' }, 'ipam.gateway: fd00::1 is an IPv6 address'],
    ['of a static address', fixed({ address: '10.1.0.5/24', gateway: 'fd00::1' }), 'ipam.addresses[0].gateway: fd00::1 is an IPv6 address'],
    ['that is the pod itself', fixed({ address: '10.1.0.5/24', gateway: '10.1.0.5' }), "ips[0].gateway: 10.1.0.5 is the pod's own address"],
    ['that would be the pod itself', fixed({ address: '10.1.0.1/24' }), "ips[0].gateway: 10.1.0.1 is the pod's own address"],
    [
      'that is unspecified',
      fixed({ address: '10.1.0.5/24', gateway: '0.0.0.0' }),
      'ips[0].gateway: 0.0.0.0 is not an address that a node can have',
    ],
    [
      'of a route, of the other family',
      { ...hostLocal({ subnet: '10.1.0.0/24' }), routes: [{ dst: '10.0.0.0/8' }, { dst: '0.0.0.0/0', gw: 'fe80::1' }] },
      'ipam.routes[1].gw: fe80::1 is an IPv6 address, 0.0.0.0/0 is IPv4',
    ],
    [
      'in a subnet of mapped addresses',
      hostLocal({ subnet: '::ffff:10.0.0.0/120' }),
      `${path}.subnet: expected CIDR notation, with IPv4 in dotted form`,
    ],
    [
      'beside a mapped address',
      fixed({ address: '::ffff:10.0.0.5/120' }),
      "ipam.addresses[0].address: the 'address' field is expected to be in CIDR",
    ],
    [
      'beside a broadcast address',
      fixed({ address: '10.1.0.255/24' }),
      'ipam.addresses[0].address: 10.1.0.255 is the broadcast address of 10.1.0.0/24',
    ],
  ]
  it.each(refusals)('%s is rejected by every plugin with its JSON path, and nothing is made', async (_, ipam, message) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const before = await traces(host)
      for (const plugin of names) {
        const { status, json } = await call(host, 'ADD', pod, configOf(plugin, ipam))
        expect({ status, json }, plugin).toMatchObject({ status: 1, json: { code: 7 } })
        expect(JSON.stringify(json).replaceAll('\\"', '"'), plugin).toContain(message)
        expect(await traces(host), plugin).toEqual(before)
      }
    })
  })

  it.each(['bridge', 'podwire bridge'] as const)(
    'outside the subnet is rejected by %s when the default route needs it and no route leads there',
    async (plugin) => {
      await withHost(async (host) => {
        const pod = await host.pod()
        for (const range of [
          { subnet: '10.1.0.0/24', gateway: '192.0.2.1' },
          { subnet: 'fd00:1::/64', gateway: 'fd99::1' },
        ]) {
          const dst = range.subnet.startsWith('10.') ? '0.0.0.0/0' : '::/0'
          const config = configOf(plugin, plugin === 'bridge' ? hostLocal(range) : { ...hostLocal(range), routes: [{ dst }] })
          const { json } = await call(host, 'ADD', pod, config)
          expect(json).toMatchObject({
            code: 7,
            msg: expect.stringContaining(`ips[0].gateway: ${range.gateway} cannot be reached for the route to ${dst}`),
          })
          expect(await host.run('ip', '-o', 'link', 'show', 'type', 'bridge')).toBe('')
        }
      })
    },
  )

  it('0.0.0.0 means that everything is on the link when the node has no gateway', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const ipam = { ...fixed({ address: '10.4.5.6/16', gateway: '0.0.0.0' }), routes: [{ dst: '0.0.0.0/0' }] }
      const config = { ...configOf('bridge', ipam), isDefaultGateway: false }
      const result = await succeed(host, 'ADD', pod, config)
      expect((await pod.exec('ip', ['route', 'show', 'default'])).stdout).toMatch(/^default dev eth0/)
      await succeed(host, 'CHECK', pod, { ...config, prevResult: result })
    })
  })

  it('given as an IPv4-mapped address is the IPv4 one, as in the Go plugins', async () => {
    await withHost(async (host) => {
      const ipam = hostLocal({
        subnet: '10.1.0.0/24',
        rangeStart: '::ffff:10.1.0.9',
        rangeEnd: '::ffff:10.1.0.20',
        gateway: '::ffff:10.1.0.254',
      })
      expect((await succeed(host, 'ADD', await host.pod(), configOf('ptp', { ...ipam, routes: [] }))).ips).toMatchObject([
        { address: '10.1.0.9/24', gateway: '10.1.0.254' },
      ])
    })
  })
})

/** The links that have a gateway's address. */
async function gatewayLinks(host: Host): Promise<string[]> {
  const lines = (await host.run('ip', '-o', '-6', 'addr', 'show')).split('\n').filter((line) => line.includes(' fe80::1/'))
  return lines.map((line) => line.split(' ').filter(Boolean)[1] ?? '')
}
