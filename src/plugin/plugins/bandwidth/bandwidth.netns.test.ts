// The plugin `bandwidth` behind `bridge`: what it makes and rejects, and that it and the reference plugin accept each other's limits.

import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { goPath, noGoReason } from '../../../../test/clients/available.ts'
import { addChain, bridge, callMember, forAll, goneWith, type Maker, type Member, refused } from '../../../../test/harness/chained.ts'
import { buildProgram } from '../../../../test/harness/native.ts'
import { describeHost, type Host, kernelHasLink, withHost } from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const throughput = fileURLToPath(new URL('../../../../test/programs/throughput.ts', import.meta.url))
const limits = { ingressRate: 20e6, ingressBurst: 2e6, egressRate: 10e6, egressBurst: 1e6 }
const bandwidth: Member = { type: 'bandwidth', ...limits }
const hasGo = noGoReason('bandwidth', 'bridge') === undefined
const pairs: [Maker, Maker][] = [
  ['ours', 'go'],
  ['go', 'ours'],
]

const lines = (text: string) => text.split('\n').filter(Boolean)
const ifbsOf = async (host: Host) => lines(await host.run('ip', '-o', 'link', 'show', 'type', 'ifb')).map((line) => line.split(': ')[1])
const buckets = async (host: Host) => lines(await host.run('tc', 'qdisc', 'show')).filter((line) => line.includes('tbf'))
const alive = (id: string) => ({ containerID: id, ifname: 'eth0' })

describeHost('bandwidth', () => {
  if (!kernelHasLink('ifb')) return void it.skip('needs a kernel with ifb')

  it.each(cniVersions)('limits both directions, passes CHECK and goes with DEL when the version is %s', async (cniVersion) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      // One address a family: the older versions can express no more.
      const results = await addChain(host, [bridge, bandwidth], pod, { cniVersion })
      const [before, after] = results
      const [ifb] = await ifbsOf(host)
      expect(ifb).toMatch(/^bwp[0-9a-f]{12}$/)
      const made =
        cniVersion >= '0.3.0'
          ? [{ name: ifb, mac: expect.stringMatching(/^(..:){5}..$/), ...(cniVersion === '1.1.0' && { mtu: 1500 }) }]
          : []
      expect(after).toEqual({ ...before, ...(made.length > 0 && { interfaces: [...(before?.interfaces ?? []), ...made] }) })
      expect(await buckets(host)).toEqual([
        expect.stringMatching(/^qdisc tbf 1: dev veth\w+ root refcnt \d+ rate 20Mbit burst 250000b lat 25ms/),
        expect.stringMatching(new RegExp(`^qdisc tbf 1: dev ${ifb} root refcnt \\d+ rate 10Mbit burst 125000b lat 25ms`)),
      ])
      if (cniVersion >= '0.4.0') await forAll(host, 'CHECK', [bandwidth], pod, after, { cniVersion })
      for (let i = 0; i < 2; i++) await forAll(host, 'DEL', [bridge, bandwidth], pod, after, { cniVersion })
      expect(await ifbsOf(host)).toEqual([])
      expect(await buckets(host)).toEqual([])
    })
  })

  it('passes the result on when nothing is limited', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const nothing = { type: 'bandwidth', runtimeConfig: { bandwidth: { ingressRate: 0 } } }
      const [before, after] = await addChain(host, [bridge, nothing], pod)
      expect(after).toEqual(before)
      await forAll(host, 'CHECK', [nothing], pod, after)
      expect(await buckets(host)).toEqual([])
    })
  })

  it('makes one IFB when ADD is repeated, also behind the reference plugin', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before, after] = await addChain(host, [bridge, bandwidth], pod)
      const faster = { ...bandwidth, egressRate: 40e6 }
      const again = await callMember(host, 'ADD', faster, pod, after)
      expect(again.json).toEqual(after)
      expect((await buckets(host)).filter((line) => line.includes('40Mbit'))).toHaveLength(1)
      // A DEL of this plugin alone, then ADD on the same pair: no redirection without an IFB is left.
      await forAll(host, 'DEL', [bandwidth], pod, after)
      await callMember(host, 'ADD', bandwidth, pod, before)
      expect(await pod.exec('ping', ['-c', '1', '-W', '2', '10.1.0.1'])).toMatchObject({ status: 0 })
    })
  })

  it('makes an IFB for each interface when a pod has two', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [eth0, net1] = [{ ifname: 'eth0' }, { ifname: 'net1' }]
      const first = await addChain(host, [bridge, bandwidth], pod, {}, eth0)
      const second = await addChain(host, [{ ...bridge, isDefaultGateway: false, isGateway: true }, bandwidth], pod, {}, net1)
      expect(await ifbsOf(host)).toHaveLength(2)
      for (const [results, options] of [
        [first, eth0],
        [second, net1],
      ] as const)
        await forAll(host, 'CHECK', [bandwidth], pod, results[1], {}, options)
      await forAll(host, 'DEL', [bandwidth], pod, second[1], {}, net1)
      expect(await ifbsOf(host)).toEqual([first[1]?.interfaces.at(-1)?.name])
      await forAll(host, 'CHECK', [bandwidth], pod, first[1], {}, eth0)
      await forAll(host, 'DEL', [bandwidth], pod, first[1], {}, eth0)
      expect(await ifbsOf(host)).toEqual([])
    })
  })

  it('reports on CHECK what another process has changed', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const after = (await addChain(host, [bridge, bandwidth], pod))[1]
      const [ifb = '', veth = ''] = [
        await ifbsOf(host),
        lines(await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).map((l) => l.split(/: |@/)[1]),
      ].map(([name]) => name)
      const check = () => refused(callMember(host, 'CHECK', bandwidth, pod, after))
      await host.run(
        'tc',
        'qdisc',
        'replace',
        'dev',
        ifb,
        'root',
        'handle',
        '1:',
        'tbf',
        'rate',
        '5mbit',
        'burst',
        '125000',
        'latency',
        '25ms',
      )
      expect((await check()).msg).toContain(`${ifb} is limited to 5000000 bit/s`)
      await host.run('tc', 'qdisc', 'del', 'dev', veth, 'root')
      expect((await check()).msg).toContain(`${veth} has qdisc`)
      await host.run(
        'tc',
        'qdisc',
        'replace',
        'dev',
        veth,
        'root',
        'handle',
        '1:',
        'tbf',
        'rate',
        '20mbit',
        'burst',
        '250000',
        'latency',
        '25ms',
      )
      await host.run('tc', 'filter', 'del', 'dev', veth, 'ingress')
      expect((await check()).msg).toContain(`${veth} does not redirect`)
    })
  })

  it('removes on DEL when there is neither namespace nor result, and on GC what no attachment has', async () => {
    await withHost(async (host) => {
      const [a, b, c] = [await host.pod('a'), await host.pod('b'), await host.pod('c')]
      for (const pod of [a, b, c]) await addChain(host, [bridge, bandwidth], pod)
      const others = await addChain(host, [{ ...bridge, bridge: 'br1', ipam: {} }, bandwidth], await host.pod('d'), { name: 'other' })
      await forAll(host, 'DEL', [bandwidth], goneWith(a), undefined)
      expect(await ifbsOf(host)).toHaveLength(3)
      const gc = (more: object) => callMember(host, 'GC', { ...bandwidth, ...more }, b, undefined)
      expect(await gc({})).toMatchObject({ status: 0 })
      expect(await ifbsOf(host)).toHaveLength(3)
      expect(await gc({ 'cni.dev/valid-attachments': [alive('b')] })).toMatchObject({ status: 0 })
      expect(await ifbsOf(host)).toHaveLength(2)
      expect(await gc({ 'cni.dev/attachments': [] })).toMatchObject({ status: 0 })
      expect(await ifbsOf(host)).toEqual([others[1]?.interfaces.at(-1)?.name])
      expect(await callMember(host, 'STATUS', bandwidth, b, undefined)).toMatchObject({ status: 0, stdout: '' })
    })
  })

  it.each([
    ['no prevResult', bandwidth, () => undefined, 7, 'prevResult: is missing'],
    ['no interfaces', bandwidth, (given: object) => ({ ...given, interfaces: [], ips: [] }), 7, 'no interfaces provided'],
    [
      'another host end',
      bandwidth,
      (given: object) => ({ ...given, interfaces: [{ name: 'vethx' }], ips: [] }),
      7,
      'no veth peer of container interface eth0 found in host ns',
    ],
    ['a burst over 4 GB', { ...bandwidth, egressBurst: 2 ** 36 }, (given: object) => given, 7, 'burst cannot be more than 4GB'],
    ['a rate alone', { type: 'bandwidth', egressRate: 1e6 }, (given: object) => given, 7, 'if rate is set, burst must also be set'],
    ['a rate that is text', { ...bandwidth, egressRate: '1M' }, (given: object) => given, 7, 'egressRate: expected a whole number'],
  ] as const)('rejects %s and changes nothing', async (_, member, change, code, msg) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      expect(await refused(callMember(host, 'ADD', member, pod, change(before ?? {})))).toMatchObject({
        code,
        msg: expect.stringContaining(msg),
      })
      expect([await ifbsOf(host), await buckets(host)]).toEqual([[], []])
    })
  })

  it('reports it when the interface has no peer', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await pod.exec('ip', ['link', 'add', 'eth0', 'type', 'bridge'])
      const given = { cniVersion: '1.1.0', interfaces: [{ name: 'eth0', sandbox: pod.netns }] }
      expect(await refused(callMember(host, 'ADD', bandwidth, pod, given))).toMatchObject({
        msg: expect.stringContaining('has no veth peer: it is bridge'),
      })
    })
  })

  it.skipIf(!hasGo).each(pairs)('of %s passes CHECK and goes with DEL when %s is called', async (adder, remover) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const chain: Member[] = [bridge, { ...bandwidth, maker: adder }]
      const result = (await addChain(host, chain, pod)).at(-1)
      expect(await ifbsOf(host)).toHaveLength(1)
      await forAll(host, 'CHECK', [{ ...bandwidth, maker: remover }], pod, result)
      await forAll(host, 'DEL', [{ ...bandwidth, maker: remover }], pod, result)
      expect(await ifbsOf(host)).toEqual([])
    })
  })

  it.skipIf(!hasGo)('adopts what the reference plugin has made when ADD is repeated', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge, { ...bandwidth, maker: 'go' }], pod)
      expect(goPath).toContain('go-reference')
      const again = await callMember(host, 'ADD', bandwidth, pod, before)
      expect(again).toMatchObject({ status: 0 })
      expect(await pod.exec('ping', ['-c', '1', '-W', '2', '10.1.0.1'])).toMatchObject({ status: 0 })
      await forAll(host, 'CHECK', [bandwidth], pod, again.json)
    })
  })

  it.each([
    ['sends', 'egress', '10.1.0.1'],
    ['receives', 'ingress', '10.1.0.2'],
  ] as const)('limits the rate of what a pod %s', async (_, direction, address) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const member = { type: 'bandwidth', [`${direction}Rate`]: 20e6, [`${direction}Burst`]: 4e5 }
      await addChain(host, [bridge, member], pod)
      const [sender, receiver] = direction === 'egress' ? [pod, host] : [host, pod]
      const received = receiver.exec(process.execPath, [throughput, 'receive'], { timeout: 15_000 })
      await sender.exec(process.execPath, [throughput, 'send', address], { timeout: 15_000 })
      // Of 1514 bytes on the link 1448 are TCP's payload.
      const wanted = ((20e6 / 8) * 1448) / 1514
      const { mean } = JSON.parse((await received).stdout)
      expect(mean / wanted).toBeGreaterThan(0.85)
      expect(mean / wanted).toBeLessThan(1.15)
    })
  })

  it.each([
    ['the kubelet', 'egress', 2 ** 31 - 1],
    ['containerd', 'ingress', 2 ** 32 - 1],
    ['CRI-O', 'egress', 8 * (2 ** 32 - 1) - 1],
    ['CRI-O before 1.20', 'ingress', 8 * (2 ** 32 - 1)],
  ] as const)('limits a pod from the first second on when %s fills in the %s burst', async (_, direction, burst) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const limit = { [`${direction}Rate`]: 20e6, [`${direction}Burst`]: burst }
      await addChain(host, [bridge, { type: 'bandwidth', runtimeConfig: { bandwidth: limit } }], pod)
      const [sender, receiver, address] = direction === 'egress' ? [pod, host, '10.1.0.1'] : [host, pod, '10.1.0.2']
      const received = receiver.exec(process.execPath, [throughput, 'receive'], { timeout: 15_000 })
      await sender.exec(process.execPath, [throughput, 'send', address], { timeout: 15_000 })
      const { first, mean } = JSON.parse((await received).stdout)
      const wanted = ((20e6 / 8) * 1448) / 1514
      expect(first / wanted).toBeLessThan(1.25)
      expect(mean / wanted).toBeGreaterThan(0.85)
      expect(mean / wanted).toBeLessThan(1.15)
    })
  })

  it.skipIf(!hasGo).each([2 ** 31 - 1, 2 ** 32 - 1, 8 * (2 ** 32 - 1) - 1])(
    'passes CHECK when the reference plugin used the burst %d unchanged',
    async (burst) => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const limit = { ingressRate: 20e6, ingressBurst: burst, egressRate: 10e6, egressBurst: burst }
        const member: Member = { type: 'bandwidth', runtimeConfig: { bandwidth: limit } }
        const result = (await addChain(host, [bridge, { ...member, maker: 'go' }], pod)).at(-1)
        await forAll(host, 'CHECK', [member], pod, result)
      })
    },
  )

  it('limits in the pod’s own namespace, with a log line, when the kernel has no IFB', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const log = join(host.dir, 'log')
      const [before] = await addChain(host, [bridge], pod)
      const file = buildProgram('bandwidth-without-ifb')
      const call = (verb: string, prevResult: unknown) =>
        callMember(host, verb, { ...bandwidth, type: basename(file), logFile: log }, pod, prevResult, {}, { path: dirname(file) })
      const added = await call('ADD', before)
      expect(added.json, added.stdout).toEqual(before)
      expect((await pod.exec('tc', ['qdisc', 'show', 'dev', 'eth0'])).stdout).toContain('tbf 1: root refcnt')
      expect(await ifbsOf(host)).toEqual([])
      expect(readFileSync(log, 'utf8')).toContain('this kernel has no IFB: what the pod sends is limited in its own namespace')
      for (const verb of ['CHECK', 'DEL']) expect(await call(verb, before)).toMatchObject({ status: 0, stdout: '' })
    })
  })
})
