// The plugin `tuning` behind `bridge`: every option, what DEL restores, the allowlist, and backups that it and the reference plugin read alike.

import { expect, it } from 'vitest'
import { noGoReason } from '../../../../test/clients/available.ts'
import { addChain, bridge, callMember, forAll, goneWith, type Maker, type Member, refused } from '../../../../test/harness/chained.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { cniVersions } from '../../../cni/types.ts'

const MAC = '02:00:00:00:00:07'
const tuning = (more: object): Member => ({ type: 'tuning', ...more })
const all = tuning({
  sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2', 'net.core.somaxconn': '512', 'net.ipv4.tcp_rmem': '4096 87380 6291456' },
  mac: MAC,
  promisc: true,
  mtu: 1400,
  allmulti: true,
  txQLen: 7,
})
const hasGo = noGoReason('tuning') === undefined

interface Row {
  readonly address: string
  readonly mtu: number
  readonly txqlen?: number
  readonly flags: readonly string[]
}

async function stateOf(pod: Pod, ifname = 'eth0') {
  const [row] = JSON.parse((await pod.exec('ip', ['-j', 'link', 'show', 'dev', ifname])).stdout) as Row[]
  const read = async (key: string) => (await pod.exec('cat', [`/proc/sys/net/${key}`])).stdout.trim()
  return {
    mac: row?.address,
    mtu: row?.mtu,
    txqlen: row?.txqlen ?? 0,
    promisc: row?.flags.includes('PROMISC'),
    allmulti: row?.flags.includes('ALLMULTI'),
    rpFilter: await read(`ipv4/conf/${ifname}/rp_filter`),
    somaxconn: await read('core/somaxconn'),
  }
}
const tuned = { mac: MAC, mtu: 1400, txqlen: 7, promisc: true, allmulti: true, rpFilter: '2', somaxconn: '512' }
const backups = async (host: Host) => (await host.run('sh', '-c', 'ls /run/cni/tuning 2>/dev/null || true')).split('\n').filter(Boolean)
const allow = (host: Host, text: string) =>
  host.run('sh', '-c', `mkdir -p /etc/cni/tuning && printf '%s\\n' "$1" >/etc/cni/tuning/allowlist.conf`, 'sh', text)

describeHost('tuning', () => {
  it.each(cniVersions)('changes everything, reports MAC and MTU, passes CHECK, and restores all in %s', async (cniVersion) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod, { cniVersion })
      const untouched = await stateOf(pod)
      const added = await callMember(host, 'ADD', all, pod, before, { cniVersion })
      expect(added, added.stdout).toMatchObject({ status: 0 })
      expect(await stateOf(pod)).toEqual(tuned)
      const change = { mac: MAC, ...(cniVersion === '1.1.0' && { mtu: 1400 }) }
      const interfaces = before?.interfaces?.map((entry) => (entry.sandbox ? { ...entry, ...change } : entry))
      expect(added.json).toEqual({ ...before, ...(interfaces && { interfaces }) })
      if (cniVersion >= '0.4.0') await forAll(host, 'CHECK', [all], pod, added.json, { cniVersion })
      expect(await backups(host)).toEqual(['pod1_eth0.json'])
      for (let i = 0; i < 2; i++) await forAll(host, 'DEL', [all], pod, added.json, { cniVersion })
      expect(await stateOf(pod)).toEqual(untouched)
      expect(await backups(host)).toEqual([])
    })
  })

  it.each([
    ['mac', { mac: MAC }, { mac: MAC }],
    ['mac with dashes and capitals', { mac: MAC.toUpperCase().replaceAll(':', '-') }, { mac: MAC }],
    ['mac of CNI_ARGS before that of the configuration', { mac: '02:00:00:00:00:01' }, { mac: MAC }, `IgnoreUnknown=1;MAC=${MAC}`],
    ['mac of the runtime before CNI_ARGS', { runtimeConfig: { mac: MAC } }, { mac: MAC }, 'MAC=02:00:00:00:00:01'],
    ['mac of args before the runtime', { args: { cni: { mac: MAC } }, runtimeConfig: { mac: '02:00:00:00:00:01' } }, { mac: MAC }],
    ['promisc', { promisc: true }, { promisc: true }],
    ['promisc of args', { promisc: true, args: { cni: { promisc: false } } }, { promisc: false }],
    ['mtu of args', { mtu: 1300, args: { cni: { mtu: 1200 } } }, { mtu: 1200 }],
    ['allmulti', { allmulti: true }, { allmulti: true }],
    ['allmulti of args', { allmulti: true, args: { cni: { allmulti: false } } }, { allmulti: false }],
    ['txQLen 0', { txQLen: 0 }, { txqlen: 0 }],
    ['txQLen of args', { txQLen: 1, args: { cni: { txQLen: 9 } } }, { txqlen: 9 }],
    ['sysctl with slashes', { sysctl: { 'net/core/somaxconn': '300' } }, { somaxconn: '300' }],
    [
      'sysctl of args before that of the configuration',
      { sysctl: { 'net.core.somaxconn': '1' }, args: { cni: { sysctl: { 'net.core.somaxconn': '301' } } } },
      { somaxconn: '301' },
    ],
    [
      'sysctl of args alone, which crashes the reference plugin',
      { args: { cni: { sysctl: { 'net.core.somaxconn': '302' } } } },
      { somaxconn: '302' },
    ],
    ['nothing', { mtu: 0, sysctl: {} }, {}],
  ] as const)('takes %s', async (_, options, expected, args?: string) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const untouched = await stateOf(pod)
      const given = args === undefined ? {} : { args }
      const added = await callMember(host, 'ADD', tuning(options), pod, before, {}, given)
      expect(added, added.stdout).toMatchObject({ status: 0 })
      expect(await stateOf(pod)).toEqual({ ...untouched, ...expected })
      await forAll(host, 'CHECK', [tuning(options)], pod, added.json, {}, given)
      await forAll(host, 'DEL', [tuning(options)], pod, added.json, {}, given)
      expect(await stateOf(pod)).toEqual(untouched)
    })
  })

  it('sets a parameter that can only be written, and one of an interface with a dot', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const member = tuning({ sysctl: { 'net.ipv4.route.flush': '1', 'net.ipv4.conf.IFNAME.rp_filter': '2' } })
      const ifname = { ifname: 'eth0.5' }
      const added = await addChain(host, [bridge, member], pod, {}, ifname)
      expect((await stateOf(pod, 'eth0.5')).rpFilter).toBe('2')
      await forAll(host, 'DEL', [bridge, member], pod, added[1], {}, ifname)
    })
  })

  it('needs no interface when no attribute of one is configured: devices of DPDK and VFIO have none', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const prevResult = { cniVersion: '1.1.0', interfaces: [{ name: 'eth0', sandbox: pod.netns, pciID: '0000:04:00.5' }] }
      for (const member of [tuning({}), tuning({ mtu: 0, promisc: false, sysctl: { 'net.core.somaxconn': '512' } })]) {
        const added = await callMember(host, 'ADD', member, pod, prevResult)
        expect(added, added.stdout).toMatchObject({ status: 0, json: prevResult })
        await forAll(host, 'CHECK', [member], pod, added.json)
        await forAll(host, 'DEL', [member], pod, added.json)
        expect((await pod.exec('cat', ['/proc/sys/net/core/somaxconn'])).stdout.trim()).not.toBe('512')
      }
      for (const option of [
        { mac: MAC },
        { mtu: 1400 },
        { promisc: true },
        { allmulti: false },
        { txQLen: 0 },
        { sysctl: { 'net.ipv6.conf.IFNAME.forwarding': '1' } },
      ]) {
        for (const verb of ['ADD', 'CHECK']) {
          const { code, msg } = await refused(callMember(host, verb, tuning(option), pod, prevResult))
          expect({ code, msg }).toEqual({ code: 7, msg: `failed to get "eth0": no such interface in ${pod.netns}` })
        }
        await forAll(host, 'DEL', [tuning(option)], pod, prevResult)
      }
      expect(await backups(host)).toEqual([])
    })
  })

  it('leaves the first backup when ADD is repeated', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const untouched = await stateOf(pod)
      for (const mtu of [1400, 1300]) expect(await callMember(host, 'ADD', tuning({ mtu }), pod, before)).toMatchObject({ status: 0 })
      await forAll(host, 'DEL', [tuning({ mtu: 1300 })], pod, before)
      expect(await stateOf(pod)).toEqual(untouched)
    })
  })

  it.each([
    ['the kernel refuses', { sysctl: { 'net.core.somaxconn': '300' }, mac: MAC, mtu: 70_000 }, 5, 'set link'],
    ['a value is none', { sysctl: { 'net.core.somaxconn': 'many' }, mtu: 1400 }, 5, 'somaxconn'],
    [
      'a parameter is unknown',
      { sysctl: { 'net.core.somaxconn': '300', 'net.core.nothing': '1' } },
      7,
      'the kernel has no parameter /proc/sys/net/core/nothing',
    ],
  ] as const)('leaves nothing behind when %s', async (_, options, code, msg) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const untouched = await stateOf(pod)
      expect(await refused(callMember(host, 'ADD', tuning(options), pod, before))).toMatchObject({
        code,
        msg: expect.stringContaining(msg),
      })
      expect(await stateOf(pod)).toEqual(untouched)
      expect(await backups(host)).toEqual([])
    })
  })

  it.each([
    [{ sysctl: { 'kernel.domainname': 'x' } }, 'is not below net/'],
    [{ sysctl: { 'net.../../kernel/domainname': 'x' } }, 'sysctl.net.../../kernel/domainname'],
    [{ sysctl: { 'net/ipv4/../../kernel/domainname': 'x' } }, 'is not a name of a parameter'],
    [{ sysctl: { 'net.core.somaxconn': 1 } }, 'sysctl.net.core.somaxconn: expected a string'],
    [{ sysctl: ['x'] }, 'sysctl: expected an object'],
    [{ mac: '1:2:3' }, 'mac: expected an Ethernet address'],
    [{ mac: '01:00:5e:00:00:01' }, 'a multicast or all-zero address'],
    [{ mtu: -1 }, 'mtu: expected a number from 0'],
    [{ mtu: '1500' }, 'mtu: expected a whole number'],
    [{ promisc: 'yes' }, 'promisc: expected true or false'],
    [{ allmulti: 1 }, 'allmulti: expected true or false'],
    [{ txQLen: 2 ** 32 }, 'txQLen: expected a number from 0 to 4294967295'],
    [{ dataDir: 'here' }, 'dataDir: expected an absolute path'],
    [{ args: { cni: { mtu: [] } } }, 'args.cni.mtu: expected a whole number'],
  ])('rejects %j', async (options, msg) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      expect(await refused(callMember(host, 'ADD', tuning(options), pod, before))).toMatchObject({
        code: 7,
        msg: expect.stringContaining(msg),
      })
    })
  })

  it('fails without prevResult, with a key twice, and on an interface that does not exist', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      expect(await refused(callMember(host, 'ADD', all, pod, undefined))).toMatchObject({ code: 7, msg: 'prevResult: is missing' })
      expect(await refused(callMember(host, 'ADD', all, pod, before, {}, { ifname: 'eth7' }))).toMatchObject({
        msg: expect.stringContaining('failed to get "eth7"'),
      })
      const twice = `{"cniVersion":"1.1.0","name":"net","type":"tuning","prevResult":{},"sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"2"}}`
      const outcome = host.cni('tuning', 'ADD', twice, { netns: pod.netns, id: pod.name })
      expect(await refused(outcome)).toMatchObject({ code: 7, msg: 'sysctl.net.core.somaxconn: duplicated sysctl keys are not allowed' })
    })
  })

  it('sets only what the allowlist allows', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const somaxconn = tuning({ sysctl: { 'net.core.somaxconn': '300' } })
      await allow(host, '^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$\n\n ^net.core.so')
      expect(await callMember(host, 'ADD', somaxconn, pod, before)).toMatchObject({ status: 0 })
      expect(await callMember(host, 'ADD', tuning({ sysctl: { 'net/ipv4/conf/IFNAME/rp_filter': '2' } }), pod, before)).toMatchObject({
        status: 0,
      })
      const denied = await refused(callMember(host, 'ADD', tuning({ sysctl: { 'net.ipv4.ip_forward': '1' } }), pod, before))
      expect(denied).toMatchObject({
        code: 7,
        msg: expect.stringContaining('Sysctl net.ipv4.ip_forward is not allowed. Only the following sysctls are allowed: ['),
      })
      expect(await refused(callMember(host, 'STATUS', tuning({ sysctl: { 'net.ipv4.ip_forward': '1' } }), pod, undefined))).toMatchObject({
        code: 50,
      })
      expect(await callMember(host, 'STATUS', somaxconn, pod, undefined)).toMatchObject({ status: 0, stdout: '' })
      await allow(host, 'net.(')
      expect(await refused(callMember(host, 'ADD', somaxconn, pod, before))).toMatchObject({
        msg: expect.stringContaining('cannot read the pattern "net.("'),
      })
    })
  })

  it.each([
    ['sysctl', 'sysctl -qw net.core.somaxconn=9', 'current value is 9'],
    ['MAC', 'ip link set eth0 address 02:00:00:00:00:09', 'tuning configured Ethernet address of eth0'],
    ['promiscuous mode', 'ip link set eth0 promisc off', 'tuning configured promiscuous mode of eth0 is true, current value is false'],
    ['MTU', 'ip link set eth0 mtu 1450', 'tuning configured MTU of eth0 is 1400, current value is 1450'],
    ['all-multicast mode', 'ip link set eth0 allmulticast off', 'tuning configured all-multicast mode of eth0'],
    ['queue', 'ip link set eth0 txqueuelen 8', 'tuning configured transmit queue length of eth0 is 7, current value is 8'],
  ])('fails CHECK when the %s was changed', async (_, command, msg) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const result = (await addChain(host, [bridge, all], pod))[1]
      await pod.exec('sh', ['-c', command])
      expect(await refused(callMember(host, 'CHECK', all, pod, result))).toMatchObject({ msg: expect.stringContaining(msg) })
    })
  })

  it('passes CHECK when promiscuous mode is on that is not configured: a pod may be captured', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const result = (await addChain(host, [bridge, tuning({ mtu: 1400 })], pod))[1]
      await pod.exec('ip', ['link', 'set', 'eth0', 'promisc', 'on'])
      await forAll(host, 'CHECK', [tuning({ mtu: 1400 })], pod, result)
    })
  })

  it('drops the backup on DEL without the namespace, and on GC what no attachment of the network has', async () => {
    await withHost(async (host) => {
      const [a, b, c] = [await host.pod('a'), await host.pod('b'), await host.pod('c')]
      for (const pod of [a, b, c]) await addChain(host, [bridge, all], pod)
      await host.run('sh', '-c', 'echo \'{"mtu":1500}\' >/run/cni/tuning/go_eth0.json; echo half >/run/cni/tuning/half_eth0.json')
      await forAll(host, 'DEL', [all], goneWith(a), undefined)
      const gc = (more: object, name = 'net') => callMember(host, 'GC', { ...all, ...more }, b, undefined, { name })
      for (const outcome of [await gc({}), await gc({ 'cni.dev/valid-attachments': [] }, 'other')])
        expect(outcome).toMatchObject({ status: 0 })
      expect(await backups(host)).toHaveLength(4)
      expect(await gc({ 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] })).toMatchObject({ status: 0 })
      expect(await backups(host)).toEqual(['b_eth0.json', 'go_eth0.json', 'half_eth0.json'])
    })
  })

  it.skipIf(!hasGo).each([
    ['ours', 'go'],
    ['go', 'ours'],
  ] as [Maker, Maker][])('of %s is checked and restored by %s', async (adder, remover) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const [before] = await addChain(host, [bridge], pod)
      const untouched = await stateOf(pod)
      const member = tuning({ mac: MAC, promisc: true, mtu: 1400, allmulti: true, txQLen: 7 })
      const added = await callMember(host, 'ADD', { ...member, maker: adder }, pod, before)
      expect(added, added.stdout).toMatchObject({ status: 0 })
      const { rpFilter: _, somaxconn: __, ...link } = tuned
      expect(await stateOf(pod)).toMatchObject(link)
      await forAll(host, 'CHECK', [{ ...member, maker: remover }], pod, added.json)
      await forAll(host, 'DEL', [{ ...member, maker: remover }], pod, added.json)
      expect(await stateOf(pod)).toEqual(untouched)
      expect(await backups(host)).toEqual([])
    })
  })
})
