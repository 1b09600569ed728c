// `macvlan` on the kernel, in turn with Go's, and as much of `ipvlan` as this kernel has: at least that it says what is missing.

import { expect, it } from 'vitest'
import { describeClient, goPath, noGoReason } from '../../../../test/clients/available.ts'
import { type Answer, linkOf, routesOf } from '../../../../test/harness/bridge.ts'
import { noChildLinkReason } from '../../../../test/harness/child-link.ts'
import { type CniOptions, describeHost, type Host, type Pod, pluginPath, withHost } from '../../../../test/harness/netns.ts'
import { type CniVersion, cniVersions } from '../../../cni/types.ts'

const ipam = {
  type: 'host-local',
  ranges: [[{ subnet: '10.5.0.0/24', rangeStart: '10.5.0.10' }]],
  routes: [{ dst: '0.0.0.0/0' }],
  dataDir: '/run/leases',
}
/** Duplicate address detection makes each ADD a second or two longer. */
const dual = { ...ipam, ranges: [...ipam.ranges, [{ subnet: 'fd05::/64', rangeStart: 'fd05::10' }]] }
const config = { cniVersion: '1.1.0', name: 'net', type: 'macvlan', master: 'wire0', ipam }

/** A wire with a machine at its other end, which is the gateway. */
async function wire(host: Host): Promise<Pod> {
  const far = await host.pod('far')
  await host.run('ip', 'link', 'add', 'wire0', 'up', 'type', 'veth', 'peer', 'name', 'far0', 'netns', 'far')
  for (const address of ['10.5.0.1/24', 'fd05::1/64']) await far.exec('ip', ['addr', 'add', address, 'dev', 'far0', 'nodad'])
  await far.exec('ip', ['link', 'set', 'far0', 'up'])
  return far
}

async function call(host: Host, verb: string, pod: Pod, keys: unknown = config, options: CniOptions & { plugin?: string } = {}) {
  return host.cni(options.plugin ?? 'macvlan', verb, keys, { netns: pod.netns, id: pod.name, ...options })
}
async function attach(host: Host, pod: Pod, keys: unknown = config, options: CniOptions = {}): Promise<Answer> {
  const { status, stdout, json } = await call(host, 'ADD', pod, keys, options)
  expect(status, stdout).toBe(0)
  return json as Answer
}
const leases = async (host: Host) =>
  (await host.exec('ls', ['/run/leases/net'])).stdout.split('\n').filter((name) => /^[0-9a-f]+[.:]/.test(name))
const modeOf = async (pod: Pod, ifname = 'eth0') =>
  JSON.parse((await pod.exec('ip', ['-j', '-d', 'link', 'show', ifname])).stdout)[0].linkinfo.info_data.mode
const nothing = { status: 0, stdout: '', stderr: '' }

describeClient('macvlan', noChildLinkReason('macvlan'), () => {
  it('makes the pod a machine on the wire, and takes it off again', async () => {
    await withHost(async (host) => {
      const both = { ...config, ipam: dual }
      await wire(host)
      const pod = await host.pod()
      const before = await host.run('ip', '-o', 'link')
      const result = await attach(host, pod, both)
      const eth0 = await linkOf(pod, 'eth0')
      expect(result).toEqual({
        cniVersion: '1.1.0',
        interfaces: [{ name: 'eth0', mac: eth0?.mac, mtu: 1500, sandbox: pod.netns }],
        ips: [
          { address: '10.5.0.10/24', gateway: '10.5.0.1', interface: 0 },
          { address: 'fd05::10/64', gateway: 'fd05::1', interface: 0 },
        ],
        routes: [{ dst: '0.0.0.0/0' }],
      })
      expect(eth0).toMatchObject({ kind: 'macvlan', up: true, tentative: false, addresses: ['10.5.0.10/24', 'fd05::10/64'] })
      expect(await routesOf(pod)).toEqual(['default via 10.5.0.1'])
      for (const address of ['10.5.0.1', 'fd05::1']) expect((await pod.exec('ping', ['-c1', '-W2', address])).status).toBe(0)
      expect(await call(host, 'CHECK', pod, { ...both, prevResult: result })).toMatchObject(nothing)
      for (const _time of ['once', 'again']) expect(await call(host, 'DEL', pod, { ...both, prevResult: result })).toMatchObject(nothing)
      expect([await linkOf(pod, 'eth0'), await leases(host), await host.run('ip', '-o', 'link')]).toEqual([null, [], before])
    })
  })

  it.each(cniVersions)('%s: answers in its form', async (cniVersion: CniVersion) => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const { json } = await call(host, 'ADD', pod, { ...config, cniVersion })
      const old = cniVersions.indexOf(cniVersion) < 2
      expect(json).toMatchObject(
        old ? { cniVersion, ip4: { ip: '10.5.0.10/24', gateway: '10.5.0.1' } } : { cniVersion, interfaces: [{ name: 'eth0' }] },
      )
    })
  })

  it.each([
    ['mode', {}, { mode: 'bridge' }],
    ['mode', { mode: 'private' }, { mode: 'private' }],
    ['mode', { mode: 'vepa' }, { mode: 'vepa' }],
    ['mode', { mode: 'passthru' }, { mode: 'passthru' }],
    ['mtu', { mtu: 1280 }, { mtu: 1280 }],
    ['mac', { mac: '02:00:00:00:00:09' }, { mac: '02:00:00:00:00:09' }],
    ['CNI_ARGS before mac', { mac: '02:00:00:00:00:09', ARGS: 'MAC=02:00:00:00:00:08' }, { mac: '02:00:00:00:00:08' }],
    [
      'capability mac before CNI_ARGS',
      { runtimeConfig: { mac: '02:00:00:00:00:07' }, ARGS: 'MAC=02:00:00:00:00:08' },
      { mac: '02:00:00:00:00:07' },
    ],
    ['no ipam: a link without addresses', { ipam: undefined }, { up: true, addresses: [] }],
    ['dns', { dns: { nameservers: ['1.1.1.1'] } }, {}],
    ['no master: the default route', { master: undefined }, { up: true }],
  ])('%s: %j', async (_, { ARGS, ...keys }: { ARGS?: string; [key: string]: unknown }, expected) => {
    await withHost(async (host) => {
      await wire(host)
      await host.run('ip', 'addr', 'add', '10.5.0.2/24', 'dev', 'wire0')
      await host.run('ip', 'route', 'add', 'default', 'via', '10.5.0.1')
      const pod = await host.pod()
      const own = { ...config, ...keys }
      const result = await attach(host, pod, own, { ...(ARGS && { args: ARGS }) })
      const { mode, ...link } = expected as { mode?: string }
      expect(await linkOf(pod, 'eth0')).toMatchObject(link)
      if (mode) expect(await modeOf(pod)).toBe(mode)
      expect(result.dns).toEqual(keys.dns)
      expect(await call(host, 'CHECK', pod, { ...own, prevResult: result })).toMatchObject(nothing)
    })
  })

  it('is on a link of the pod when linkInContainer is set', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await pod.exec('ip', ['link', 'add', 'below', 'up', 'type', 'veth', 'peer', 'name', 'beyond'])
      const own = { ...config, master: 'below', linkInContainer: true }
      const result = await attach(host, pod, own)
      expect(await linkOf(pod, 'eth0')).toMatchObject({ kind: 'macvlan', addresses: ['10.5.0.10/24'] })
      expect(await call(host, 'CHECK', pod, { ...own, prevResult: result })).toMatchObject(nothing)
      expect(await call(host, 'DEL', pod, own)).toMatchObject(nothing)
      expect(await linkOf(pod, 'below')).not.toBeNull()
    })
  })

  it.each([
    ['a mode that is none', { mode: 'l2' }, 7, 'mode: expected one of private, vepa, bridge, passthru, got "l2"'],
    ['an MTU that is no number', { mtu: '1500' }, 7, 'mtu: expected a whole number'],
    ['a negative MTU', { mtu: -1 }, 7, 'mtu: expected a number from 0'],
    ['an MTU above the master', { mtu: 9000 }, 7, 'mtu: 9000 is above 1500, that of the master wire0'],
    ['a master that is not there', { master: 'nix' }, 7, 'failed to lookup master "nix"'],
    ['no master and no default route', { master: undefined }, 7, 'no default route interface found'],
    ['a MAC of many', { mac: '01:00:00:00:00:01' }, 7, 'mac: a multicast or all-zero address'],
    ['a queue length that is none', { bcqueuelen: -1 }, 7, 'bcqueuelen: expected a number'],
    ['an IPAM that is not there', { ipam: { type: 'nix' } }, 7, 'failed to find plugin "nix"'],
    ['a link in the pod that is not there', { linkInContainer: true }, 7, 'failed to lookup master "wire0"'],
  ])('%s: rejected, and nothing of it stays', async (_, keys, code, msg) => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const { status, json } = await call(host, 'ADD', pod, { ...config, ...keys })
      expect({ status, json }).toMatchObject({ status: 1, json: { code, msg: expect.stringContaining(msg) } })
      expect([await leases(host), (await pod.exec('ip', ['-o', 'link'])).stdout.split('\n').filter(Boolean).length]).toEqual([[], 1])
      // DEL does what it can with any input.
      expect('ipam' in keys ? { status: 0 } : await call(host, 'DEL', pod, { ...config, ...keys })).toMatchObject({ status: 0 })
    })
  })

  it('an interface of that name in the pod is an error, and stays as it is; one on the node is not', async () => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      await host.run('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0b')
      await attach(host, pod)
      const mac = (await linkOf(pod, 'eth0'))?.mac
      expect(await call(host, 'ADD', pod)).toMatchObject({ status: 1, json: { code: 4, msg: expect.stringContaining('already exists') } })
      expect((await linkOf(pod, 'eth0'))?.mac).toBe(mac)
      expect(await leases(host)).toHaveLength(1)
    })
  })

  it('a lease that cannot be had takes the link with it', async () => {
    await withHost(async (host) => {
      await wire(host)
      const [pod, other] = [await host.pod(), await host.pod()]
      const own = { ...config, ipam: { ...ipam, ranges: [[{ subnet: '10.5.0.0/30' }]] } }
      await attach(host, pod, own)
      expect(await call(host, 'ADD', other, own)).toMatchObject({ status: 1, json: { code: 11 } })
      expect(await linkOf(other, 'eth0')).toBeNull()
    })
  })

  it('DEL without namespace, without prevResult, with an invalid configuration: the lease is released', async () => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      await attach(host, pod)
      await host.run('ip', 'netns', 'del', pod.name)
      expect(await call(host, 'DEL', { ...pod, netns: '' }, { ...config, mode: 5, master: 'nix' })).toMatchObject(nothing)
      expect(await leases(host)).toEqual([])
    })
  })

  it.each([
    ['the interface is gone', 'ip link del eth0', 'interface eth0 is missing'],
    ['it is down', 'ip link set eth0 down', 'interface eth0 is down'],
    ['an address is gone', 'ip addr del 10.5.0.10/24 dev eth0', 'interface eth0 lacks its address 10.5.0.10/24'],
    ['a route is gone', 'ip route del default', 'route to 0.0.0.0/0 is missing'],
    ['it has another mode', 'ip link set eth0 type macvlan mode private', 'interface eth0 has mode 1, expected 4'],
  ])('CHECK finds that %s', async (_, change, msg) => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const result = await attach(host, pod)
      expect((await pod.exec('sh', ['-c', change])).status).toBe(0)
      expect(await call(host, 'CHECK', pod, { ...config, prevResult: result })).toMatchObject({
        status: 1,
        json: { msg: expect.stringContaining(msg) },
      })
    })
  })

  it('GC releases the leases of attachments that are not valid', async () => {
    await withHost(async (host) => {
      await wire(host)
      const [pod, other] = [await host.pod(), await host.pod()]
      for (const each of [pod, other]) await attach(host, each)
      expect(await call(host, 'GC', pod)).toMatchObject(nothing)
      expect(await leases(host)).toHaveLength(2)
      const valid = [{ containerID: pod.name, ifname: 'eth0' }]
      expect(await call(host, 'GC', pod, { ...config, 'cni.dev/valid-attachments': valid })).toMatchObject(nothing)
      expect(await leases(host)).toEqual(['10.5.0.10'])
    })
  })

  it.each([
    ['ready', {}, { status: 0, stdout: '' }],
    [
      'the master is missing',
      { master: 'nix' },
      { status: 1, json: { code: 50, msg: expect.stringContaining('failed to lookup master "nix"') } },
    ],
    ['no default route', { master: undefined }, { status: 1, json: { code: 50 } }],
    ['a master in the pod', { master: 'nix', linkInContainer: true }, { status: 0 }],
  ])('STATUS: %s', async (_, keys, expected) => {
    await withHost(async (host) => {
      const far = await wire(host)
      expect(await call(host, 'STATUS', far, { ...config, ...keys })).toMatchObject(expected)
    })
  })

  it('many at once in pods of their own: each has its address, and nothing stays', async () => {
    await withHost(async (host) => {
      await wire(host)
      const pods = await Promise.all(Array.from({ length: 12 }, (_, i) => host.pod(`many${i}`)))
      const own = { ...config }
      const results = await Promise.all(pods.map((pod) => attach(host, pod, own)))
      expect(new Set(results.map(({ ips }) => ips[0]?.address)).size).toBe(12)
      await Promise.all(pods.map((pod) => call(host, 'DEL', pod, own)))
      expect(await leases(host)).toEqual([])
    })
  })
})

describeClient('macvlan and the Go plugins', noChildLinkReason('macvlan') ?? noGoReason('macvlan', 'tuning', 'host-local'), () => {
  it.each([
    ['Go', 'ours', goPath, pluginPath],
    ['ours', 'Go', pluginPath, goPath],
  ])('what %s has added, %s checks and deletes', async (_adder, _deleter, adder, deleter) => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const added = await attach(host, pod, { ...config, ipam: dual }, { path: adder })
      expect(added).toMatchObject({ interfaces: [{ name: 'eth0', sandbox: pod.netns }], ips: [{ interface: 0 }, { interface: 0 }] })
      const own = { ...config, ipam: dual, prevResult: added }
      expect(await call(host, 'CHECK', pod, own, { path: deleter })).toMatchObject(nothing)
      for (const _time of ['once', 'again']) expect(await call(host, 'DEL', pod, own, { path: deleter })).toMatchObject(nothing)
      expect([await linkOf(pod, 'eth0'), await leases(host)]).toEqual([null, []])
    })
  })

  it("Go's tuning behind it changes the MAC, and CHECK takes the result as it is then", async () => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const prevResult = await attach(host, pod)
      const tuned = await call(
        host,
        'ADD',
        pod,
        { ...config, type: 'tuning', mac: '02:00:00:00:00:05', prevResult },
        { plugin: 'tuning', path: goPath },
      )
      expect(tuned.json).toMatchObject({ interfaces: [{ mac: '02:00:00:00:00:05' }] })
      expect(await call(host, 'CHECK', pod, { ...config, prevResult: tuned.json })).toMatchObject(nothing)
    })
  })
})

describeHost('ipvlan', () => {
  const l2 = { ...config, type: 'ipvlan' }

  it.each([
    ['a mode that is none', { mode: 'bridge' }, 7, 'mode: expected one of l2, l3, l3s, got "bridge"'],
    ['no addresses from anywhere', { ipam: undefined }, 7, 'ipam: is missing, or has no type'],
    ['a master that is not there', { master: 'nix' }, 7, 'failed to lookup master "nix"'],
    [
      'neither master nor one interface before',
      { master: undefined, prevResult: { cniVersion: '1.1.0', interfaces: [{ name: 'a' }, { name: 'b' }] } },
      7,
      'prevResult lacks a single named interface',
    ],
  ])('%s: rejected', async (_, keys, code, msg) => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const { status, json } = await call(host, 'ADD', pod, { ...l2, ...keys }, { plugin: 'ipvlan' })
      expect({ status, json }).toMatchObject({ status: 1, json: { code, msg: expect.stringContaining(msg) } })
      expect(await leases(host)).toEqual([])
    })
  })

  it.skipIf(noChildLinkReason('ipvlan') === undefined)('says what a kernel without it lacks, and takes nothing', async () => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const msg = expect.stringContaining('the kernel has no ipvlan: load its module (modprobe ipvlan)')
      expect(await call(host, 'ADD', pod, l2, { plugin: 'ipvlan' })).toMatchObject({ status: 1, json: { code: 5, msg } })
      expect(await call(host, 'STATUS', pod, l2, { plugin: 'ipvlan' })).toMatchObject({ status: 1, json: { code: 50, msg } })
      expect(await call(host, 'DEL', pod, l2, { plugin: 'ipvlan' })).toMatchObject(nothing)
      expect([await leases(host), (await pod.exec('ip', ['-o', 'link'])).stdout.split('\n').filter(Boolean).length]).toEqual([[], 1])
    })
  })
})

describeClient('ipvlan on a wire', noChildLinkReason('ipvlan'), () => {
  it.each(['l2', 'l3', 'l3s'])('%s: shares the MAC of its master and has an address of its own', async (mode) => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const own = { ...config, type: 'ipvlan', mode }
      const result = await attach(host, pod, own, { plugin: 'ipvlan' } as CniOptions)
      expect(result.interfaces[0]?.mac).toBe((await linkOf(host, 'wire0'))?.mac)
      expect(await modeOf(pod)).toBe(mode)
      expect(await call(host, 'CHECK', pod, { ...own, prevResult: result }, { plugin: 'ipvlan' })).toMatchObject(nothing)
      expect(await call(host, 'DEL', pod, own, { plugin: 'ipvlan' })).toMatchObject(nothing)
      expect([await linkOf(pod, 'eth0'), await leases(host)]).toEqual([null, []])
    })
  })

  it('takes addresses and master of the plugin before it', async () => {
    await withHost(async (host) => {
      await wire(host)
      const pod = await host.pod()
      const prevResult = { cniVersion: '1.1.0', interfaces: [{ name: 'wire0' }], ips: [{ address: '10.5.0.44/24' }] }
      const own = { ...config, type: 'ipvlan', master: undefined, ipam: undefined, prevResult }
      const result = await attach(host, pod, own, { plugin: 'ipvlan' } as CniOptions)
      expect(result).toMatchObject({ interfaces: [{ name: 'eth0' }], ips: [{ address: '10.5.0.44/24', interface: 0 }] })
    })
  })
})
