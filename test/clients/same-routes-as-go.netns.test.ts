// The same generated networks given to the Go plugins and to ours, each in a host of its own: what Go's make ours make too, and the pods' routes are the
// same, in the same order. SEED and RUNS as in test/plugins/check-after-add.netns.test.ts.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { attachers, callAttacher, layWire, routesIn } from '../harness/attachers.ts'
import { type Generated, generatedNetwork, runs } from '../harness/generated-routes.ts'
import { type Host, pluginPath, withHost } from '../harness/netns.ts'
import { describeClient, goPath, noGoReason } from './available.ts'

const kinds = Object.keys(attachers).filter((kind) => /^(bridge|ptp|macvlan)/.test(kind))

/**
 * Without what ours treat otherwise on purpose (docs/routes.md): Go's know no sizes, put what has scope link behind the gateway of IPv6, and take a
 * default route of another table for that of isDefaultGateway.
 */
const asGoHasIt = ({ kind, keys }: Generated): Generated => ({
  kind,
  keys: {
    ...keys,
    ipam: {
      ...keys.ipam,
      routes: keys.ipam.routes.map(({ mtu: _mtu, advmss: _advmss, scope, table, ...route }) => ({
        ...route,
        ...(table !== undefined && !(kind.includes('isDefaultGateway') && route.dst.endsWith('/0')) && { table }),
        ...(scope !== undefined && !route.dst.includes(':') && { scope }),
      })),
    },
  },
})

/** Useless ones: of a family without an address, or beside the kernel's own to the same subnet, on the same link. */
const isUseless = (line: string, { keys }: Generated) => {
  const text = JSON.stringify({ ...keys.ipam, routes: [] })
  const isIPv6 = line.includes(':') || line.includes('via fe80')
  if (line.includes('via fe80')) return false
  return !text.includes(isIPv6 ? '"fd00' : '"10.') || /^(10\.\d\.0\.0\/(24|30)|fd00:\d::\/64)$/.test(line)
}

async function attach(host: Host, name: string, path: string, network: Generated) {
  const pod = await host.pod(name)
  // Go's ptp would wait for duplicate address detection, a second or two each time.
  for (const where of ['all', 'default']) await pod.exec('sysctl', ['-qw', `net.ipv6.conf.${where}.accept_dad=0`])
  const added = await callAttacher(host, 'ADD', network.kind, pod, network.keys, { path })
  const routes = added.status === 0 ? (await routesIn(pod)).filter((line) => !isUseless(line, network)) : []
  await callAttacher(host, 'DEL', network.kind, pod, network.keys, { path })
  await host.run('ip', 'netns', 'del', name)
  await host.exec('ip', ['link', 'del', 'cni0'])
  return { status: added.status, said: added.status ? added.stdout : '', routes }
}

describeClient('routes', noGoReason('bridge', 'ptp', 'macvlan', 'host-local', 'static'), () => {
  it('are the same whether made by Go’s plugins or podwire’s', { timeout: 3_600_000 }, async () => {
    await withHost((ours) =>
      withHost(async (go) => {
        for (const host of [ours, go]) await layWire(host)
        let made = 0
        let compared = 0
        await fc.assert(
          fc.asyncProperty(generatedNetwork(kinds, 3).map(asGoHasIt), async (network) => {
            const name = `pod${++made}`
            const [expected, found] = await Promise.all([attach(go, name, goPath, network), attach(ours, name, pluginPath, network)])
            if (expected.status !== 0) return
            expect(found).toEqual(expected)
            compared++
          }),
          runs(25),
        )
        expect(compared).toBeGreaterThan(0)
        if (process.env.RUNS) process.stdout.write(`${compared} of ${made} networks were made by Go’s plugins too\n`)
      }),
    )
  })
})
