// The plugin on the kernel of this machine: what it makes, what it answers, what it leaves, and the Go plugin in its place.

import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeClient, goPath, noGoReason } from '../../../../test/clients/available.ts'
import { type Answer, linkOf, traces } from '../../../../test/harness/bridge.ts'
import {
  type CniOptions,
  type CniOutcome,
  describeHost,
  type Host,
  type Pod,
  pluginPath,
  withHost,
} from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const network = {
  cniVersion: '1.1.0',
  name: 'net',
  type: 'ptp',
  ipam: {
    type: 'host-local',
    ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  },
}

function call(host: Host, verb: string, pod: Pod, config: unknown = network, options: CniOptions = {}): Promise<CniOutcome> {
  return host.cni('ptp', verb, config, { netns: pod.netns, id: pod.name, ...options })
}

async function attach(host: Host, pod: Pod, config: unknown = network, options: CniOptions = {}): Promise<Answer> {
  const { status, stdout, stderr, json } = await call(host, 'ADD', pod, config, options)
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' })
  return json as Answer
}

async function succeed(host: Host, verb: string, pod: Pod, config: unknown = network, options: CniOptions = {}): Promise<void> {
  const { status, stdout } = await call(host, verb, pod, config, options)
  expect({ status, stdout }, verb).toEqual({ status: 0, stdout: '' })
}

async function refuse(host: Host, verb: string, pod: Pod, config: unknown = network, options: CniOptions = {}) {
  const { status, json, stdout } = await call(host, verb, pod, config, options)
  expect(status, stdout).toBe(1)
  return json as { readonly code: number; readonly msg: string; readonly details?: string }
}

const routes = async (place: Host | Pod, family = '-4') =>
  (await place.exec('ip', [family, 'route', 'show'])).stdout
    .split('\n')
    .map((line) => line.replaceAll(/ (metric 1024|pref medium|proto kernel)/g, '').trim())
    .filter((line) => line !== '' && !line.startsWith('fe80'))
    .sort()

describeHost('ptp', () => {
  it('joins the pod to the node, to other pods and, masqueraded, to others', { timeout: 60_000 }, () =>
    withHost(async (host) => {
      const [a, b] = [await host.pod('a'), await host.pod('b')]
      const { interfaces, ips } = await attach(host, a)
      await attach(host, b)
      const veth = interfaces[0]?.name ?? ''
      const mac = '0a:58:0a:01:00:02'
      expect(interfaces).toEqual([
        { name: veth, mac: (await linkOf(host, veth))?.mac, mtu: 1500 },
        { name: 'eth0', mac, mtu: 1500, sandbox: a.netns },
      ])
      expect(ips).toEqual([
        { address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 1 },
        { address: 'fd00:1::2/64', gateway: 'fd00:1::1', interface: 1 },
      ])
      expect(await linkOf(a, 'eth0')).toMatchObject({ mac, up: true, addresses: ['10.1.0.2/24', 'fd00:1::2/64'], tentative: false })
      expect(await linkOf(host, veth)).toMatchObject({ up: true, kind: 'veth', addresses: ['10.1.0.1/32', 'fd00:1::1/128'] })
      expect(await routes(a)).toEqual([
        '10.1.0.0/24 via 10.1.0.1 dev eth0 src 10.1.0.2',
        '10.1.0.1 dev eth0 scope link src 10.1.0.2',
        'default via 10.1.0.1 dev eth0',
      ])
      expect(await routes(a, '-6')).toEqual([
        'default via fd00:1::1 dev eth0',
        'fd00:1::/64 via fd00:1::1 dev eth0 src fd00:1::2',
        'fd00:1::1 dev eth0 src fd00:1::2',
      ])
      expect(await routes(host)).toContain(`10.1.0.2 dev ${veth} scope link`)
      for (const address of ['10.1.0.1', '10.1.0.3', 'fd00:1::1', 'fd00:1::3']) {
        expect(await a.exec('ping', ['-c1', '-W2', address]), address).toMatchObject({ status: 0 })
      }
    }),
  )

  it.each(cniVersions)('answers as version %s has it', (cniVersion) =>
    withHost(async (host) => {
      const pod = await host.pod()
      const config = { ...network, cniVersion }
      const result = await attach(host, pod, { ...config, dns: { nameservers: ['10.1.0.53'] } })
      expect(result.cniVersion).toBe(cniVersion)
      expect(result).toMatchObject(
        cniVersion < '0.3.0'
          ? { ip4: { ip: '10.1.0.2/24', gateway: '10.1.0.1' }, ip6: { ip: 'fd00:1::2/64' } }
          : { interfaces: [{}, { name: 'eth0' }], ips: [cniVersion < '1.0.0' ? { version: '4' } : { interface: 1 }, {}] },
      )
      expect(result.dns).toEqual({ nameservers: ['10.1.0.53'] })
      const again = { ...config, prevResult: result }
      if (cniVersion >= '0.4.0') await succeed(host, 'CHECK', pod, again)
      else expect(await refuse(host, 'CHECK', pod, again)).toMatchObject({ code: 1 })
      for (let i = 0; i < 2; i++) await succeed(host, 'DEL', pod, again)
      expect(await linkOf(pod, 'eth0')).toBe(null)
    }),
  )

  it('sets mtu, and the mtu and advmss of routes', () =>
    withHost(async (host) => {
      const pod = await host.pod()
      const ipam = {
        type: 'host-local',
        subnet: '10.1.0.0/24',
        routes: [
          { dst: '10.8.0.0/16', mtu: 1200, advmss: 1100, priority: 7 },
          { dst: '10.9.0.0/16', gw: '10.1.0.1', table: 99 },
        ],
      }
      const result = await attach(host, pod, { ...network, mtu: 1400, ipam })
      expect(result.interfaces.map(({ mtu }) => mtu)).toEqual([1400, 1400])
      expect(result.routes).toEqual(ipam.routes)
      for (const [place, name] of [
        [host, result.interfaces[0]?.name ?? ''],
        [pod, 'eth0'],
      ] as const) {
        expect(await linkOf(place, name)).toMatchObject({ mtu: 1400 })
      }
      expect(await routes(pod)).toContain('10.8.0.0/16 via 10.1.0.1 dev eth0 metric 7 mtu 1200 advmss 1100')
      expect((await pod.exec('ip', ['route', 'show', 'table', '99'])).stdout).toContain('10.9.0.0/16 via 10.1.0.1 dev eth0')
    }))

  it('gives two addresses of one subnet one gateway, the first address when IPAM names none', () =>
    withHost(async (host) => {
      const pod = await host.pod()
      const ipam = {
        type: 'static',
        addresses: [{ address: '10.1.0.2/24' }, { address: '10.1.0.9/24' }, { address: '10.2.0.2/16', gateway: '10.2.0.9' }],
      }
      const result = await attach(host, pod, { ...network, ipam })
      expect(result.ips.map(({ gateway }) => gateway)).toEqual(['10.1.0.1', '10.1.0.1', '10.2.0.9'])
      await succeed(host, 'CHECK', pod, { ...network, ipam, prevResult: result })
      for (const gateway of ['10.1.0.1', '10.2.0.9']) expect(await pod.exec('ping', ['-c1', '-W2', gateway])).toMatchObject({ status: 0 })
    }))

  it.each(['iptables', 'nftables'])('masquerades with %s, and removes that on DEL', { timeout: 30_000 }, (ipMasqBackend) =>
    withHost(async (host) => {
      const pod = await host.pod()
      const config = { ...network, ipMasq: true, ipMasqBackend }
      const rules = async () =>
        (await host.run('sh', '-c', 'iptables-save -t nat; nft list ruleset')).split('\n').filter((line) => line.includes('10.1.0.2'))
      const prevResult = await attach(host, pod, config)
      expect((await rules()).length).toBeGreaterThan(0)
      await succeed(host, 'CHECK', pod, { ...config, prevResult })
      await succeed(host, 'DEL', pod, config, { netns: '' })
      expect(await rules()).toEqual([])
      expect(await refuse(host, 'CHECK', pod, { ...config, prevResult })).toMatchObject({ code: expect.any(Number) })
    }),
  )

  it('leaves nothing when it is removed, with the pod, without it, and twice', { timeout: 30_000 }, () =>
    withHost(async (host) => {
      const first = await host.pod()
      await attach(host, first)
      await succeed(host, 'DEL', first)
      const before = await traces(host)
      for (const netns of [undefined, '', '/var/run/netns/none']) {
        const pod = await host.pod()
        await attach(host, pod)
        for (let i = 0; i < 2; i++)
          await succeed(host, 'DEL', pod, { ...network, ipam: { type: 'host-local' } }, netns === undefined ? {} : { netns })
        expect(await traces(host)).toEqual(before)
      }
    }),
  )

  it('leaves nothing of an ADD that fails', { timeout: 30_000 }, () =>
    withHost(async (host) => {
      const first = await host.pod()
      await attach(host, first)
      await succeed(host, 'DEL', first)
      const before = await traces(host)
      const pod = await host.pod()
      const failing: [object, object][] = [
        [{ ipMasq: true, ipMasqBackend: 'pf' }, { code: 7 }],
        [
          { ipam: { ...network.ipam, routes: [{ dst: '10.9.0.0/16', gw: '192.0.2.1' }] } },
          { code: 5, msg: expect.stringContaining('10.9.0.0/16 via 192.0.2.1') },
        ],
        [{ ipam: { type: 'static' } }, { code: 7, msg: 'IPAM plugin returned missing IP config' }],
        [{ ipam: { type: 'none-such' } }, { code: 7, msg: expect.stringContaining('failed to find plugin "none-such"') }],
        [{ ipam: undefined }, { code: 7, msg: 'invalid network configuration: ipam: is missing, or has no type' }],
        [{ mtu: 70_000 }, { code: 7, msg: expect.stringContaining('mtu: expected a number from 0 to 65535') }],
        [{ mtu: 'x' }, { code: 7 }],
        [{ mtu: 20 }, { code: 5 }],
        [{ ipMasq: 'yes' }, { code: 7, msg: expect.stringContaining('ipMasq: expected true or false') }],
        [{ dns: { nameservers: 'one' } }, { code: 7 }],
      ]
      for (const [more, error] of failing) {
        expect(await refuse(host, 'ADD', pod, { ...network, ...more }), JSON.stringify(more)).toMatchObject(error)
        expect(await traces(host)).toEqual(before)
      }
      expect(await refuse(host, 'ADD', pod, network, { netns: '/none' })).toMatchObject({ code: 4 })
      await attach(host, pod)
      const made = await traces(host)
      expect(await refuse(host, 'ADD', pod)).toMatchObject({ code: 4, msg: expect.stringContaining('"eth0" already exists') })
      expect(await traces(host)).toEqual(made)
    }),
  )

  it('makes one attachment of two ADDs at once', { timeout: 30_000 }, () =>
    withHost(async (host) => {
      const pod = await host.pod()
      const answers = await Promise.all([0, 1, 2].map(() => call(host, 'ADD', pod)))
      expect(answers.map(({ status }) => status).sort()).toEqual([0, 1, 1])
      const good = answers.find(({ status }) => status === 0)
      await succeed(host, 'CHECK', pod, { ...network, prevResult: good?.json })
    }),
  )

  it('finds what is not as ADD left it, and changes nothing', { timeout: 60_000 }, () =>
    withHost(async (host) => {
      const pod = await host.pod()
      const prevResult = await attach(host, pod)
      const config = { ...network, prevResult }
      const veth = prevResult.interfaces[0]?.name ?? ''
      const ipIn = (...args: string[]) => pod.exec('ip', args)
      const damages: [() => Promise<unknown>, () => Promise<unknown>, RegExp][] = [
        [
          () => ipIn('route', 'del', 'default'),
          () => ipIn('route', 'add', 'default', 'via', '10.1.0.1'),
          /route to 0\.0\.0\.0\/0 is missing/,
        ],
        [
          () => host.run('ip', 'route', 'del', '10.1.0.2'),
          () => host.run('ip', 'route', 'add', '10.1.0.2', 'dev', veth),
          /the host's route to 10\.1\.0\.2\/32 is missing/,
        ],
        [
          // With its last address a device loses its routes.
          () => host.run('sh', '-ec', `ip addr add 10.99.0.1/32 dev ${veth}; ip addr del 10.1.0.1/32 dev ${veth}`),
          () => host.run('ip', 'addr', 'add', '10.1.0.1/32', 'dev', veth),
          /lacks the gateway 10\.1\.0\.1\/32/,
        ],
        [
          () => host.run('sysctl', '-qw', 'net.ipv4.ip_forward=0'),
          () => host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1'),
          /does not forward/,
        ],
        [() => host.run('rm', '-r', '/var/lib/cni/networks/net'), () => Promise.resolve(), /Failed to find address/],
      ]
      for (const [damage, repair, output] of damages) {
        await succeed(host, 'CHECK', pod, config)
        await damage()
        expect((await refuse(host, 'CHECK', pod, config)).msg).toMatch(output)
        await repair()
      }
      await ipIn('link', 'set', 'eth0', 'down')
      expect(await refuse(host, 'CHECK', pod, { ...config, ipam: { type: 'static', addresses: [] } })).toMatchObject({
        msg: expect.stringContaining('is down'),
      })
      expect(await refuse(host, 'CHECK', pod, network)).toMatchObject({ code: 7, msg: expect.stringContaining('prevResult') })
    }),
  )

  it('collects what no valid attachment has', { timeout: 30_000 }, () =>
    withHost(async (host) => {
      const [live, dead] = [await host.pod('live'), await host.pod('dead')]
      const config = { ...network, ipMasq: true, ipMasqBackend: 'nftables' }
      await attach(host, live, config)
      const before = await traces(host)
      await attach(host, dead, config)
      await attach(host, dead, { ...config, name: 'other', ipam: { type: 'host-local', subnet: '10.2.0.0/24' } }, { ifname: 'eth1' })
      const other = (await traces(host)).filter((line) => line.includes('10.2.0') || line.includes(' other '))
      expect(other.length).toBeGreaterThan(3)
      const all = await traces(host)
      await succeed(host, 'GC', live, config)
      expect(await traces(host)).toEqual(all)
      await succeed(host, 'GC', live, { ...config, 'cni.dev/valid-attachments': [{ containerID: 'live', ifname: 'eth0' }] })
      expect(await traces(host)).toEqual(expect.arrayContaining([...before.filter((line) => !line.startsWith('{"ifname"')), ...other]))
      expect((await traces(host)).length).toBeLessThan(all.length)
      expect(await linkOf(dead, 'eth0')).toBe(null)
      expect(await linkOf(dead, 'eth1')).not.toBe(null)
      await succeed(host, 'GC', live, { ...config, 'cni.dev/valid-attachments': [] })
      expect(await linkOf(live, 'eth0')).toBe(null)
    }),
  )

  it('is ready where IPAM is', { timeout: 30_000 }, () =>
    withHost(async (host) => {
      const config = { ...network, ipam: { type: 'host-local', subnet: '10.1.0.0/30' } }
      await succeed(host, 'STATUS', await host.pod(), config)
      await attach(host, await host.pod(), config)
      expect(await refuse(host, 'STATUS', await host.pod(), config)).toMatchObject({ code: 50 })
    }),
  )

  it('lets twenty come and go at a time', { timeout: 120_000 }, () =>
    withHost(async (host) => {
      const first = await host.pod()
      const config = { ...network, ipMasq: true }
      await attach(host, first, config)
      await succeed(host, 'DEL', first, config)
      const before = await traces(host)
      const pods = await Promise.all(Array.from({ length: 20 }, () => host.pod()))
      await Promise.all(pods.map((pod) => attach(host, pod, config)))
      await Promise.all(pods.map((pod) => succeed(host, 'DEL', pod, config)))
      expect((await traces(host)).filter((line) => !line.includes('last_reserved'))).toEqual(
        before.filter((line) => !line.includes('last_reserved')),
      )
    }),
  )
})

describeClient('ptp and the Go plugin in turn', noGoReason('ptp', 'host-local'), () => {
  const backends = ['iptables', 'nftables']
  const turns = backends.flatMap((backend) => (['go', 'ours'] as const).map((maker) => ({ backend, maker })))
  const folders = { go: goPath, ours: pluginPath }

  it.each(turns)(
    'leaves nothing when the other removes what $maker made with $backend, and CHECK of both finds it right',
    { timeout: 30_000 },
    ({ backend, maker }) =>
      withHost(async (host) => {
        const remover = folders[maker === 'go' ? 'ours' : 'go']
        const config = { ...network, ipMasq: true, ipMasqBackend: backend }
        const pod = await host.pod()
        const prevResult = await attach(host, pod, config, { path: folders[maker] })
        for (const path of [goPath, pluginPath]) await succeed(host, 'CHECK', pod, { ...config, prevResult }, { path })
        for (let i = 0; i < 2; i++) await succeed(host, 'DEL', pod, { ...config, prevResult }, { path: remover })
        expect(await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).toBe('')
        expect((await traces(host)).filter((line) => /10\.1\.0|fd00:1|pod1/.test(line))).toEqual([])
        expect(await host.run('iptables-save', '-t', 'nat')).not.toContain('10.1.0')
      }),
  )

  it('takes an IPAM program, and passes its error on', { timeout: 30_000 }, () =>
    withHost(async (host) => {
      const path = join(host.dir, 'mixed')
      mkdirSync(path)
      symlinkSync(join(pluginPath, 'ptp'), join(path, 'ptp'))
      // By its own name it would not be run: that type is part of our program.
      symlinkSync(join(goPath, 'host-local'), join(path, 'go-host-local'))
      const config = { ...network, ipam: { type: 'go-host-local', subnet: '10.1.0.0/30' } }
      const [a, b] = [await host.pod(), await host.pod()]
      const result = await attach(host, a, config, { path })
      expect(result.ips).toEqual([{ address: '10.1.0.2/30', gateway: '10.1.0.1', interface: 1 }])
      expect(await refuse(host, 'ADD', b, config, { path })).toMatchObject({ msg: expect.stringContaining('no IP addresses available') })
      expect(await linkOf(b, 'eth0')).toBe(null)
      await succeed(host, 'DEL', a, config, { path })
      await attach(host, b, config, { path })
    }),
  )

  describe.each(cniVersions)('version %s', (cniVersion) => {
    it('answers the same, but for names and MACs', { timeout: 30_000 }, async () => {
      const answer = (path: string) =>
        withHost(async (host) => {
          const pod = await host.pod()
          const { json, status, stdout } = await call(
            host,
            'ADD',
            pod,
            { ...network, cniVersion, mtu: 1400, dns: { domain: 'x' } },
            { path },
          )
          expect(status, stdout).toBe(0)
          return JSON.parse(
            JSON.stringify(json)
              .replaceAll(/"veth[0-9a-f]{8}"/g, '"veth"')
              .replaceAll(/"mac":"[^"]*",?|"mtu":1400,?/g, '')
              .replaceAll(',}', '}'),
          )
        })
      expect(await answer(pluginPath)).toEqual(await answer(goPath))
    })
  })
})
