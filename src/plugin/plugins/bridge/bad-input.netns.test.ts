// For any input the answer is an error that names the problem, and nothing has been done.

import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { attach, detach, linkOf, network, portsOf, refuse, traces } from '../../../../test/harness/bridge.ts'
import { describeHost, type Host, pluginPath, withHost } from '../../../../test/harness/netns.ts'

const text = JSON.stringify(network)
const inputs: readonly [title: string, stdin: string | Uint8Array, code: number][] = [
  ['nothing', '', 6],
  ['a blank', ' \n', 6],
  ['half a configuration', text.slice(0, -1), 6],
  ['two configurations', text + text, 6],
  ['text', 'bridge', 6],
  ['a list', '[]', 6],
  ['a number', '7', 6],
  ['null', 'null', 6],
  ['a NUL byte', '\0', 6],
  ['a NUL byte behind the configuration', `${text}\0`, 6],
  ['an unescaped NUL byte in a name', text.replace('"net"', '"ne\0t"'), 6],
  ['an escaped NUL byte in a name', text.replace('"net"', '"ne\\u0000t"'), 7],
  ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d), 6],
  [
    'bytes that are not UTF-8 in a name',
    Buffer.concat([Buffer.from('{"cniVersion":"1.1.0","name":"'), Buffer.of(0xc3, 0x28), Buffer.from('"}')]),
    7,
  ],
  ['UTF-16', Buffer.from(text, 'utf16le'), 6],
  ['lists 100 000 deep', '['.repeat(100_000), 6],
  ['objects 100 000 deep', '{"a":'.repeat(100_000), 6],
  ['a number that never ends', `{"mtu":${'9'.repeat(100_000)}`, 6],
  ['more than a configuration may have', ' '.repeat(9 << 20) + text, 5],
  ['a string of 20 MiB', `{"name":"${'x'.repeat(20 << 20)}"}`, 5],
  ...Array.from({ length: 10 }, (_, i): [string, Uint8Array, number] => [`${2 ** i * 8} random bytes`, randomBytes(2 ** i * 8), 6]),
]

/** Every option of a wrong type or value at once. */
const wrong = {
  ...network,
  bridge: 'a/b',
  isGateway: 'yes',
  isDefaultGateway: 1,
  forceAddress: [],
  hairpinMode: true,
  promiscMode: true,
  portIsolation: {},
  mtu: 70_000,
  vlan: 4095,
  vlanTrunk: [{ id: 0 }, { minID: 9, maxID: 3 }, { minID: 5 }, 7],
  preserveDefaultVlan: 'no',
  macspoofchk: 0,
  enabledad: 'off',
  disableContainerInterface: 'x',
  ipMasq: true,
  ipMasqBackend: 'pf',
  dns: { nameservers: 'one' },
  runtimeConfig: { mac: 'xx' },
  args: { cni: { mac: '01:00:5e:00:00:01' } },
  ipam: { type: 'host-local', dataDir: 7, ranges: [[{ subnet: '10.1.0.0/33' }]], routes: [{ dst: 'nowhere' }] },
}

const environments: readonly [title: string, env: Readonly<Record<string, string>>, code: number, msg: string][] = [
  ['no CNI_NETNS', { CNI_NETNS: '' }, 4, 'CNI_NETNS'],
  [
    'nothing but the command',
    { CNI_NETNS: '', CNI_CONTAINERID: '', CNI_IFNAME: '', CNI_PATH: '' },
    4,
    '[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH]',
  ],
  ['a command that is none', { CNI_COMMAND: 'EXPLODE' }, 4, 'EXPLODE'],
  ['a command in small letters', { CNI_COMMAND: 'add' }, 4, 'add'],
  ['a command with a control character', { CNI_COMMAND: 'ADD\n' }, 4, 'CNI_COMMAND'],
  ['an interface name of 16 bytes', { CNI_IFNAME: 'e'.repeat(16) }, 4, 'interface name is too long'],
  ['an interface name of 8 characters in 16 bytes', { CNI_IFNAME: 'é'.repeat(8) }, 4, 'interface name is too long'],
  ['an interface name with a slash', { CNI_IFNAME: '../eth0' }, 4, 'interface name contains'],
  ['an interface name with a blank', { CNI_IFNAME: 'eth 0' }, 4, 'interface name contains'],
  ['an interface name that the kernel would number', { CNI_IFNAME: 'eth%d' }, 4, 'interface name contains a percent sign'],
  ['an interface name that the kernel keeps for itself', { CNI_IFNAME: 'all' }, 5, 'add link veth'],
  ['an interface name that is a folder', { CNI_IFNAME: '..' }, 4, 'interface name is . or ..'],
  ['a container ID with a path', { CNI_CONTAINERID: '../../x' }, 4, 'invalid characters in containerID'],
  ['a container ID with a line break', { CNI_CONTAINERID: 'a\nb' }, 4, 'invalid characters in containerID'],
  ['a container ID with a quote', { CNI_CONTAINERID: 'a"; drop' }, 4, 'invalid characters in containerID'],
  ['CNI_ARGS without a value', { CNI_ARGS: 'MAC' }, 4, 'CNI_ARGS'],
  ['unknown CNI_ARGS', { CNI_ARGS: 'WHAT=ever' }, 4, 'WHAT'],
  ['CNI_ARGS with a MAC that is none', { CNI_ARGS: 'MAC=zz' }, 7, 'CNI_ARGS MAC'],
  ['CNI_ARGS with a group’s MAC', { CNI_ARGS: 'MAC=01:00:5e:00:00:01' }, 7, 'multicast'],
  ['CNI_ARGS with an address that is none', { CNI_ARGS: 'IP=zz' }, 7, 'IP'],
]

async function call(host: Host, env: Readonly<Record<string, string>>, stdin: string | Uint8Array = text) {
  const base = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'id',
    CNI_NETNS: '/var/run/netns/pod1',
    CNI_IFNAME: 'eth0',
    CNI_PATH: pluginPath,
  }
  return host.exec(`${pluginPath}/bridge`, [], { env: { ...base, ...env }, stdin, timeout: 10_000 })
}

describeHost('bridge rejects', () => {
  it('stdin that is not a configuration, for every verb, and does nothing', async () => {
    await withHost(async (host) => {
      await host.pod()
      const before = await traces(host)
      for (const [title, stdin, code] of inputs) {
        for (const verb of ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS']) {
          const { status, stdout, stderr } = await call(host, { CNI_COMMAND: verb }, stdin)
          expect({ status, stderr, error: JSON.parse(stdout) }, `${verb} of ${title}`).toMatchObject({
            status: 1,
            stderr: '',
            error: { cniVersion: '1.1.0', code, msg: expect.stringMatching(/./) },
          })
          expect(stdout.length, `${verb} of ${title}: the error is no copy of the input`).toBeLessThan(2000)
        }
      }
      expect(await traces(host)).toEqual(before)
    })
  }, 180_000)

  it('wrong options, all at once, each by its path', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const before = await traces(host)
      const error = await refuse(host, 'ADD', wrong, { netns: pod.netns })
      expect(error).toMatchObject({ code: 7, msg: expect.stringMatching(/^invalid network configuration: \d+ problems$/) })
      const output = (error.details ?? '').split('\n')
      const paths = [
        'bridge: ',
        'isGateway: ',
        'isDefaultGateway: ',
        'forceAddress: ',
        'hairpinMode: cannot be set together with promiscMode',
        'portIsolation: ',
        'mtu: ',
        'vlan: invalid VLAN ID 4095 (must be between 0 and 4094)',
        'vlanTrunk[0].id: incorrect trunk id parameter',
        'vlanTrunk[1].minID: minID is greater than maxID in trunk parameter',
        'vlanTrunk[2]: minID and maxID should be configured simultaneously, maxID is missing',
        'vlanTrunk[3]: ',
        'preserveDefaultVlan: ',
        'macspoofchk: ',
        'enabledad: ',
        'disableContainerInterface: ',
        'ipMasqBackend: unknown ipmasq backend "pf"',
        'dns.nameservers: ',
        'runtimeConfig.mac: ',
        'args.cni.mac: ',
        'ipam.dataDir: ',
        'ipam.ranges[0][0].subnet: ',
        'ipam.routes[0].dst: ',
      ]
      expect(paths.filter((path) => !output.some((line) => line.startsWith(path)))).toEqual([])
      expect(await traces(host)).toEqual(before)
      expect(await linkOf(pod, 'eth0')).toBe(null)
    })
  })

  it('a NUL byte in what becomes the name of a device or a path', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const before = await traces(host)
      for (const override of [
        { bridge: 'br0\0x' },
        { ipam: { ...network.ipam, dataDir: '/run/leases\0x' } },
        { ipam: { type: 'host-local\0x' } },
      ]) {
        await refuse(host, 'ADD', { ...network, ...override }, { netns: pod.netns })
        expect(await traces(host), JSON.stringify(override)).toEqual(before)
        expect((await host.exec('ls', ['/run/leases'])).status).not.toBe(0)
      }
    })
  })

  it('ipam together with an interface that stays down', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const error = await refuse(host, 'ADD', { ...network, disableContainerInterface: true }, { netns: pod.netns })
      expect(error).toMatchObject({ code: 7, msg: expect.stringContaining('disableContainerInterface: cannot be set together with ipam') })
    })
  })

  it('a hostile environment, and does nothing', async () => {
    await withHost(async (host) => {
      await host.pod()
      const before = await traces(host)
      for (const [title, env, code, msg] of environments) {
        const { status, stdout, stderr } = await call(host, env)
        const error = JSON.parse(stdout)
        expect({ status, stderr, code: error.code }, title).toEqual({ status: 1, stderr: '', code })
        expect(`${error.msg} ${error.details ?? ''}`, title).toContain(msg)
      }
      expect(await traces(host)).toEqual(before)
    })
  })

  it('a path that is not a namespace, without waiting for it', async () => {
    await withHost(async (host) => {
      await host.run('sh', '-c', 'mkfifo /run/pipe; touch /run/file; ln -s /run/loop /run/loop; mknod /run/null c 1 3')
      const before = await traces(host)
      for (const netns of [
        '/nowhere',
        '/run/file',
        '/run',
        '/run/pipe',
        '/run/loop',
        '/run/null',
        '/run/file/x',
        `/${'x'.repeat(300)}`,
        `/${'y/'.repeat(3000)}`,
        '/proc/self/ns/mnt',
        '/proc/1/ns/pid',
      ]) {
        for (const verb of ['ADD', 'CHECK']) {
          const { status, json } = await host.cni(
            'bridge',
            verb,
            { ...network, prevResult: { cniVersion: '1.1.0' } },
            { netns, timeout: 3000 },
          )
          if (verb === 'ADD')
            expect({ status, json }, netns).toMatchObject({
              status: 1,
              json: { code: 4, msg: expect.stringContaining('CNI_NETNS: failed to open netns') },
            })
          else expect(status, netns).toBe(1)
        }
        expect(await host.cni('bridge', 'DEL', network, { netns, timeout: 3000 }), netns).toMatchObject({ status: 0, stdout: '' })
      }
      expect(await traces(host)).toEqual(before)
    })
  })

  it('the namespace that it runs in: code 8, and nothing is done', async () => {
    await withHost(async (host) => {
      const before = await traces(host)
      for (const verb of ['ADD', 'DEL']) {
        for (const netns of ['/proc/self/ns/net', '/proc/1/ns/net', '/proc/thread-self/ns/net']) {
          expect(await refuse(host, verb, network, { netns }), netns).toMatchObject({ code: 8 })
        }
      }
      expect(await traces(host)).toEqual(before)
    })
  })

  it.each(['nftables', 'iptables'])(
    'nothing that is only odd: an interface name out of quotes and control characters (%s)',
    async (ipMasqBackend) => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const config = { ...network, ipMasq: true, ipMasqBackend, macspoofchk: true, isDefaultGateway: true }
        for (const ifname of ['\x1b[31m"\'`$(x)', 'é-ü-\x01\x7f', '-a', '*', '{};#\\']) {
          const prevResult = await attach(host, pod, config, { ifname })
          expect(await host.cni('bridge', 'CHECK', { ...config, prevResult }, { netns: pod.netns, id: pod.name, ifname })).toMatchObject({
            status: 0,
          })
          await detach(host, pod, config, { ifname })
          const rules = await host.run('nft', 'list', 'ruleset')
          expect(rules.includes('10.1.0.') || rules.includes('cni-br-iface'), `${ifname}: ${rules}`).toBe(false)
          expect(await portsOf(host)).toEqual([])
        }
      })
    },
  )

  it('nothing that is only long: names of 200 characters make an attachment as any other', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const id = 'c'.repeat(200)
      const config = { ...network, name: 'n'.repeat(200), ipMasq: true, ipMasqBackend: 'nftables' }
      const prevResult = await attach(host, pod, config, { id })
      expect(await host.cni('bridge', 'CHECK', { ...config, prevResult }, { netns: pod.netns, id })).toMatchObject({ status: 0 })
      const gc = (valid: object[]) => host.cni('bridge', 'GC', { ...config, 'cni.dev/valid-attachments': valid })
      expect(await gc([{ containerID: id, ifname: 'eth0' }])).toMatchObject({ status: 0 })
      expect(await linkOf(pod, 'eth0')).not.toBe(null)
      expect(await gc([{ containerID: `${id}x`, ifname: 'eth0' }])).toMatchObject({ status: 0 })
      expect(await linkOf(pod, 'eth0')).toBe(null)
    })
  })
})
