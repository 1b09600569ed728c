// Routes that were asked for in ways that users of CNI plugins reported as failing, by every plugin that gives a pod routes.

import { expect, it } from 'vitest'
import { attachers, callAttacher, layWire, routesIn } from '../harness/attachers.ts'
import { describeHost, type Host, type Pod, withHost } from '../harness/netns.ts'

type Routes = readonly object[]

const v4 = { address: '10.1.0.2/24', gateway: '10.1.0.1' }
const v6 = { address: 'fd00:1::2/64', gateway: 'fd00:1::1' }
const ipam = (routes: Routes, addresses: Routes = [v4, v6]) => ({ ipam: { type: 'static', addresses, routes } })

/** ADD and CHECK right after it, which both have to succeed; what the result lists and what the kernel has. */
async function attach(host: Host, pod: Pod, kind: string, keys: object) {
  const added = await callAttacher(host, 'ADD', kind, pod, keys)
  expect({ status: added.status, said: added.status ? added.stdout : '' }).toEqual({ status: 0, said: '' })
  const checked = await callAttacher(host, 'CHECK', kind, pod, { ...keys, prevResult: added.json })
  expect({ status: checked.status, said: checked.stdout }).toEqual({ status: 0, said: '' })
  const { routes = [] } = added.json as { routes?: { dst: string; gw?: string }[] }
  return { listed: routes, kernel: await routesIn(pod) }
}

const withWire = (body: (host: Host) => Promise<void>) =>
  withHost(async (host) => {
    await layWire(host)
    await body(host)
  })

const times = (lines: readonly string[], line: string) => lines.filter((found) => found === line).length

describeHost('routes', () => {
  it.each(Object.keys(attachers))('%s: the same route twice is one route', async (kind) => {
    await withWire(async (host) => {
      const defaults = [{ dst: '0.0.0.0/0' }, { dst: '0.0.0.0/0', gw: '10.1.0.1' }, { dst: '::/0', gw: 'fd00:1::1' }, { dst: '::/0' }]
      const twice = [
        { dst: '10.5.0.0/16', gw: '10.1.0.1' },
        { dst: '10.5.0.9/16' },
        { dst: 'fd05::/64' },
        { dst: 'fd05::/64', priority: 1024 },
      ]
      const onLink = [
        { dst: '10.1.0.0/24', scope: 253 },
        { dst: 'fd00:1::/64', gw: '::', priority: 256 },
        { dst: '10.1.0.1/32', scope: 253 },
        { dst: 'fd00:1::1/128', scope: 253 },
      ]
      const { listed, kernel } = await attach(host, await host.pod(), kind, ipam([...defaults, ...twice, ...onLink]))
      for (const line of ['default via 10.1.0.1', '::/0 via fd00:1::1', '10.5.0.0/16 via 10.1.0.1', 'fd05::/64 via fd00:1::1']) {
        expect(times(kernel, line), `${line} in ${kernel.join('\n')}`).toBe(1)
      }
      expect(listed.map(({ dst }) => dst)).toEqual(['0.0.0.0/0', '::/0', '10.5.0.0/16', 'fd05::/64', ...onLink.map(({ dst }) => dst)])
    })
  })

  it.each(Object.keys(attachers))('%s: other metrics, tables and gateways make other routes', async (kind) => {
    await withWire(async (host) => {
      const routes = ['10.5.0.0/16', 'fd05::/64'].flatMap((dst) => [{ dst }, { dst, priority: 7 }, { dst, table: 100 }])
      const gateways = [
        { dst: '10.5.0.0/16', gw: '10.1.0.9' },
        { dst: 'fd05::/64', gw: 'fd00:1::9' },
      ]
      const { listed, kernel } = await attach(host, await host.pod(), kind, ipam([...routes, ...gateways]))
      expect(listed.filter(({ dst }) => !dst.endsWith('/0'))).toHaveLength(8)
      expect(kernel).toEqual(
        expect.arrayContaining([
          ...['', ' metric 7', ' table 100'].flatMap((rest) => [`10.5.0.0/16 via 10.1.0.1${rest}`, `fd05::/64 via fd00:1::1${rest}`]),
          '10.5.0.0/16 via 10.1.0.9',
          'fd05::/64 via fd00:1::9',
        ]),
      )
    })
  })

  it.each(Object.keys(attachers))('%s: routes of a family without an address are passed over, and in the log', async (kind) => {
    await withWire(async (host) => {
      for (const off of ['0', '1']) {
        for (const [address, useless, missing] of [
          [v4, '::/0', '0.0.0.0/0'],
          [v6, '0.0.0.0/0', '::/0'],
        ] as const) {
          const pod = await host.pod()
          await pod.exec('sysctl', ['-qw', `net.ipv6.conf.all.disable_ipv6=${off}`, `net.ipv6.conf.default.disable_ipv6=${off}`])
          const logFile = `${host.dir}/${pod.name}.log`
          const keys = { ...ipam([{ dst: useless }, { dst: missing }], [address]), logFile }
          const { listed, kernel } = await attach(host, pod, kind, keys)
          expect(listed.map(({ dst }) => dst)).toEqual([missing])
          expect(kernel.filter((line) => /^(default|::\/0)/.test(line))).toEqual([
            `${address === v6 ? '::/0' : 'default'} via ${address.gateway}`,
          ])
          expect(await host.run('cat', logFile)).toContain(`no address of its family ifname=eth0 dst=${useless}`)
          await callAttacher(host, 'DEL', kind, pod, keys)
        }
      }
    })
  })

  it.each(Object.keys(attachers))(
    '%s: host bits, an unspecified gateway, host scope and a second gateway are taken as the kernel takes them',
    async (kind) => {
      await withWire(async (host) => {
        const { listed, kernel } = await attach(
          host,
          await host.pod(),
          kind,
          ipam([
            { dst: '10.5.7.9/16' },
            { dst: '10.6.0.0/16', gw: '0.0.0.0' },
            { dst: 'fd06::/64', gw: '::' },
            { dst: '10.7.0.0/16', scope: 254 },
            { dst: '10.8.0.0/16', gw: '10.1.0.77' },
            { dst: 'fd08::/64', gw: 'fd00:1::77' },
            { dst: 'fd09::/64', gw: 'fe80::77' },
          ]),
        )
        expect(listed[0]).toEqual({ dst: '10.5.0.0/16' })
        expect(kernel).toEqual(
          expect.arrayContaining([
            '10.5.0.0/16 via 10.1.0.1',
            '10.6.0.0/16',
            'fd06::/64',
            '10.7.0.0/16',
            '10.8.0.0/16 via 10.1.0.77',
            'fd08::/64 via fd00:1::77',
            'fd09::/64 via fe80::77',
          ]),
        )
      })
    },
  )

  it('of a bridge that is the default gateway: one of IPAM’s in another table or with another metric does not replace it', async () => {
    await withHost(async (host) => {
      const routes = [
        { dst: '0.0.0.0/0', gw: '10.1.0.1', table: 100 },
        { dst: '::/0', priority: 7 },
      ]
      const { kernel } = await attach(host, await host.pod(), 'bridge by isDefaultGateway', ipam(routes))
      expect(kernel.filter((line) => /^(default|::\/0)/.test(line)).sort()).toEqual([
        '::/0 via fd00:1::1',
        '::/0 via fd00:1::1 metric 7',
        'default via 10.1.0.1',
        'default via 10.1.0.1 table 100',
      ])
    })
  })
})
