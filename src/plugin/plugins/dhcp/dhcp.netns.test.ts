// `dhcp` with its daemon and DHCP servers of Debian: dnsmasq, and udhcpd of busybox for leases of seconds.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeClient, noProgramReason, programPath } from '../../../../test/clients/available.ts'
import { type Answer, linkOf, routesOf } from '../../../../test/harness/bridge.ts'
import { noChildLinkReason } from '../../../../test/harness/child-link.ts'
import { type CniOptions, describeHost, type Host, type Pod, pluginPath, withHost } from '../../../../test/harness/netns.ts'

const config = { cniVersion: '1.1.0', name: 'net', type: 'dhcp', ipam: { type: 'dhcp' } }
const nothing = { status: 0, stdout: '', stderr: '' }
const sleep = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds))

/** Waits for `look` to find something; gives up after ten seconds with what it found last. */
async function until<T>(look: () => Promise<T> | T, isFound: (found: T) => boolean, seconds = 10): Promise<T> {
  for (let left = seconds * 20; ; left--) {
    const found = await look()
    if (isFound(found) || left === 0) return found
    await sleep(50)
  }
}

/** Starts a program in the background; returns what ends it. Its words are in `host.dir/NAME.log`. */
async function start(host: Host, name: string, file: string, ...args: string[]): Promise<() => Promise<void>> {
  const script = 'log=$1; shift; "$@" >>"$log" 2>&1 & echo $!'
  const pid = (await host.run('sh', '-c', script, 'sh', join(host.dir, `${name}.log`), file, ...args)).trim()
  return async () => {
    await host.exec('kill', [pid])
    // Nobody in the host waits for its processes: one that has ended stays a zombie.
    const hasEnded = ['-c', `! [ -e /proc/${pid} ] || grep -q ') Z ' /proc/${pid}/stat`]
    await until(
      () => host.exec('sh', hasEnded),
      ({ status }) => status === 0,
    )
  }
}
const said = (host: Host, name: string) =>
  existsSync(join(host.dir, `${name}.log`)) ? readFileSync(join(host.dir, `${name}.log`), 'utf8') : ''

async function daemon(host: Host, ...flags: string[]) {
  const stop = await start(host, 'daemon', join(pluginPath, 'dhcp'), 'daemon', ...flags)
  await until(
    () => call(host, 'STATUS', { name: '', netns: '' }),
    ({ status }) => status === 0,
  )
  return stop
}

/** A bridge as the wire, with a server's namespace on it. */
async function wire(host: Host): Promise<Pod> {
  const far = await host.pod('far')
  await host.run('ip', 'link', 'add', 'lan', 'up', 'type', 'bridge')
  await host.run('ip', 'link', 'add', 'port', 'master', 'lan', 'up', 'type', 'veth', 'peer', 'name', 'far0', 'netns', 'far')
  for (const command of [
    ['addr', 'add', '10.5.0.1/24', 'dev', 'far0'],
    ['link', 'set', 'far0', 'up'],
    ['link', 'set', 'lo', 'up'],
  ])
    await far.exec('ip', command)
  return far
}
async function dnsmasq(host: Host, ...more: string[]): Promise<() => Promise<void>> {
  const args = [
    '--no-daemon',
    '--conf-file=/dev/null',
    '--port=0',
    '--interface=far0',
    '--bind-interfaces',
    '--no-ping',
    '--dhcp-authoritative',
    '--log-dhcp',
  ]
  const range = more.some((arg) => arg.startsWith('--dhcp-range')) ? [] : ['--dhcp-range=10.5.0.50,10.5.0.99,2m']
  const files = [`--dhcp-leasefile=${host.dir}/leases`, ...range]
  const stop = await start(
    host,
    'dnsmasq',
    'nsenter',
    '--net=/var/run/netns/far',
    programPath('dnsmasq') ?? 'dnsmasq',
    ...args,
    ...files,
    ...more,
  )
  await until(
    () => said(host, 'dnsmasq'),
    (text) => text.includes('sockets bound'),
  )
  return stop
}
const served = (host: Host) =>
  existsSync(join(host.dir, 'leases')) ? readFileSync(join(host.dir, 'leases'), 'utf8').split('\n').filter(Boolean) : []

/** A pod whose interface is on the wire: what `macvlan` or `bridge` have done when they ask for addresses. */
async function onWire(host: Host, name?: string): Promise<Pod> {
  const pod = await host.pod(name)
  await host.run('ip', 'link', 'add', `v-${pod.name}`, 'master', 'lan', 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod.name)
  return pod
}

function call(
  host: Host,
  verb: string,
  pod: Pick<Pod, 'name' | 'netns'>,
  keys: object = {},
  options: CniOptions & { plugin?: string } = {},
) {
  return host.cni(options.plugin ?? 'dhcp', verb, { ...config, ...keys }, { netns: pod.netns, id: pod.name || 'none', ...options })
}
async function lease(host: Host, pod: Pod, keys: object = {}, options: CniOptions = {}): Promise<Answer> {
  const { status, stdout, json } = await call(host, 'ADD', pod, keys, options)
  expect(status, `${stdout}${said(host, 'daemon')}`).toBe(0)
  return json as Answer
}

describeClient('dhcp with dnsmasq', noProgramReason('dnsmasq'), () => {
  it('has a lease from ADD to DEL, and the server knows the client', async () => {
    await withHost(async (host) => {
      await wire(host)
      await dnsmasq(host)
      await daemon(host)
      const pod = await onWire(host)
      const result = await lease(host, pod)
      expect(result).toEqual({
        cniVersion: '1.1.0',
        ips: [{ address: expect.stringMatching(/^10\.5\.0\.\d+\/24$/), gateway: '10.5.0.1' }],
        routes: [{ dst: '0.0.0.0/0', gw: '10.5.0.1' }],
      })
      const id = Buffer.from(`\0${pod.name}/net/eth0`).toString('hex').match(/../g)?.join(':')
      expect(served(host)).toEqual([expect.stringMatching(new RegExp(` ${result.ips[0]?.address.split('/')[0]} \\* ${id}$`))])
      expect(await lease(host, pod)).toEqual(result)
      expect(await call(host, 'CHECK', pod, { prevResult: result })).toMatchObject(nothing)
      for (const _time of ['once', 'again']) expect(await call(host, 'DEL', pod)).toMatchObject(nothing)
      expect(
        await until(
          () => served(host),
          (leases) => leases.length === 0,
        ),
      ).toEqual([])
      expect(await call(host, 'CHECK', pod, { prevResult: result })).toMatchObject({
        status: 1,
        json: { code: 999, msg: `no lease of ${pod.name}/net/eth0` },
      })
    })
  })

  it.each([
    ['the name of the pod for the server', { provide: [{ option: 'host-name', fromArg: 'K8S_POD_NAME' }] }, undefined],
    ['a value that CNI_ARGS do not have', { provide: [{ option: '12', value: 'web', fromArg: 'NIX' }] }, undefined],
    ['the metric of the routes', { priority: 7 }, { routes: [{ dst: '0.0.0.0/0', gw: '10.5.0.1', priority: 7 }] }],
    [
      'name servers, asked for',
      { request: [{ option: '6' }, { option: '15' }] },
      { dns: { nameservers: ['9.9.9.9'], domain: 'example.org' } },
    ],
    [
      'classless routes, asked for',
      { request: [{ option: '121' }] },
      {
        routes: [
          { dst: '10.77.0.0/16', gw: '10.5.0.7' },
          { dst: '10.78.0.0/16', scope: 253 },
        ],
      },
    ],
    ['nothing by default', { request: [{ skipDefault: true }] }, { ips: [{ address: expect.any(String), gateway: '10.5.0.1' }] }],
  ])('%s', async (_, ipam, expected) => {
    await withHost(async (host) => {
      await wire(host)
      const classless = '--dhcp-option=121,10.77.0.0/16,10.5.0.7,10.78.0.0/16,0.0.0.0'
      await dnsmasq(host, '--dhcp-option=6,9.9.9.9', '--domain=example.org', classless)
      await daemon(host)
      const pod = await onWire(host)
      const result = await lease(host, pod, { ipam: { type: 'dhcp', ...ipam } }, { args: 'IgnoreUnknown=1;K8S_POD_NAME=web' })
      if (expected) expect(result).toMatchObject(expected)
      else expect(served(host)[0]).toContain(' web ')
    })
  })

  it('gives a pod of bridge the server’s static routes, with host bits and twice as they may come', async () => {
    await withHost(async (host) => {
      await wire(host)
      await dnsmasq(host, '--dhcp-option=33,10.77.5.9,10.5.0.7,10.77.8.1,10.5.0.7')
      await daemon(host)
      const pod = await host.pod()
      const keys = { type: 'bridge', bridge: 'lan', isDefaultGateway: false, ipam: { type: 'dhcp', request: [{ option: '33' }] } }
      const added = await call(host, 'ADD', pod, keys, { plugin: 'bridge' })
      expect(added, added.stdout).toMatchObject({ status: 0 })
      // Routes of option 33 have the length of their class.
      expect((await pod.exec('ip', ['route', 'show', 'proto', 'boot'])).stdout.trim().split('\n')).toEqual([
        expect.stringContaining('default via 10.5.0.1'),
        expect.stringContaining('10.0.0.0/8 via 10.5.0.7'),
      ])
      expect(await call(host, 'CHECK', pod, { ...keys, prevResult: added.json }, { plugin: 'bridge' })).toMatchObject(nothing)
      expect(await call(host, 'DEL', pod, keys, { plugin: 'bridge' })).toMatchObject(nothing)
    })
  })

  it('renews a lease when it is due, and takes it over when the daemon is restarted', async () => {
    await withHost(async (host) => {
      await wire(host)
      await dnsmasq(host, '--dhcp-option=option:T1,3')
      const stop = await daemon(host)
      const pod = await onWire(host)
      const result = await lease(host, pod)
      await pod.exec('ip', ['addr', 'add', result.ips[0]?.address ?? '', 'dev', 'eth0'])
      const acks = () => said(host, 'dnsmasq').split('DHCPACK').length - 1
      expect(await until(acks, (count) => count >= 2)).toBeGreaterThanOrEqual(2)
      await stop()
      await daemon(host)
      expect(said(host, 'daemon')).toContain('took over 1 leases')
      const before = acks()
      expect(await until(acks, (count) => count > before)).toBeGreaterThan(before)
      expect(await call(host, 'CHECK', pod, { prevResult: result })).toMatchObject(nothing)
      expect(await lease(host, pod)).toEqual(result)
      expect(await call(host, 'DEL', pod)).toMatchObject(nothing)
      expect(
        await until(
          () => served(host),
          (leases) => leases.length === 0,
        ),
      ).toEqual([])
    })
  })

  it('sets the interface down when the server rejects the address, and drops a lease when its interface is gone', async () => {
    await withHost(async (host) => {
      await wire(host)
      const stop = await dnsmasq(host, '--dhcp-option=option:T1,3')
      await daemon(host)
      const [pod, gone] = [await onWire(host), await onWire(host)]
      for (const each of [pod, gone]) await lease(host, each)
      await gone.exec('ip', ['link', 'del', 'eth0'])
      await stop()
      // As if it had lost everything, and had other addresses to give.
      writeFileSync(join(host.dir, 'leases'), '')
      await dnsmasq(host, '--dhcp-range=10.5.0.10,10.5.0.20,2m')
      expect(
        await until(
          () => linkOf(pod, 'eth0'),
          (link) => link?.up === false,
        ),
        said(host, 'dnsmasq') + said(host, 'daemon'),
      ).toMatchObject({ up: false })
      // Each lease has a moment of its own at which it is asked for again.
      const kept = async () => (await host.exec('ls', ['/run/cni/dhcp.sock.leases'])).stdout
      expect(await until(kept, (leases) => leases === '')).toBe('')
      expect(said(host, 'daemon')).toContain('which it leased before')
      expect(said(host, 'daemon')).toContain(`${gone.name}/net/eth0: interface eth0 is gone, dropping its lease`)
    })
  })

  it('GC releases leases of attachments that are not valid; without a list none', async () => {
    await withHost(async (host) => {
      await wire(host)
      await dnsmasq(host)
      await daemon(host)
      const [pod, stale, other] = [await onWire(host), await onWire(host), await onWire(host)]
      for (const each of [pod, stale]) await lease(host, each)
      await lease(host, other, { name: 'other' })
      expect(await call(host, 'GC', pod)).toMatchObject(nothing)
      expect(served(host)).toHaveLength(3)
      expect(await call(host, 'GC', pod, { 'cni.dev/valid-attachments': [{ containerID: pod.name, ifname: 'eth0' }] })).toMatchObject(
        nothing,
      )
      expect(
        await until(
          () => served(host),
          (leases) => leases.length === 2,
        ),
      ).toHaveLength(2)
      expect(await call(host, 'CHECK', stale)).toMatchObject({ status: 1 })
      expect(await call(host, 'CHECK', other, { name: 'other' })).toMatchObject(nothing)
    })
  })

  it('many at once have an address each', async () => {
    await withHost(async (host) => {
      await wire(host)
      await dnsmasq(host)
      await daemon(host)
      const pods = await Promise.all(Array.from({ length: 20 }, (_, i) => onWire(host, `m${i}`)))
      const results = await Promise.all(pods.map((pod) => lease(host, pod)))
      expect(new Set(results.map(({ ips }) => ips[0]?.address)).size).toBe(20)
      for (const outcome of await Promise.all(pods.map((pod) => call(host, 'DEL', pod)))) expect(outcome).toMatchObject(nothing)
      expect(
        await until(
          () => served(host),
          (leases) => leases.length === 0,
        ),
      ).toEqual([])
      expect((await host.exec('ls', ['/run/cni/dhcp.sock.leases'])).stdout).toBe('')
    })
  })

  it('bridge acquires and releases the lease by the pair that it has made', async () => {
    await withHost(async (host) => {
      await wire(host)
      await dnsmasq(host)
      const pods = [await host.pod('a'), await host.pod('b')]
      const own = { type: 'bridge', bridge: 'lan', isDefaultGateway: true }
      const [first] = pods
      if (!first) return expect.unreachable()
      const before = await linkOf(host, 'lan')
      // Nobody to ask: nothing stays.
      expect(await call(host, 'ADD', first, own, { plugin: 'bridge' })).toMatchObject({ status: 1, json: { code: 5 } })
      expect(await linkOf(first, 'eth0')).toBeNull()
      await daemon(host)
      for (const pod of pods) {
        const result = (await call(host, 'ADD', pod, own, { plugin: 'bridge' })).json as Answer
        expect(result, said(host, 'daemon')).toMatchObject({
          ips: [{ address: expect.stringMatching(/^10\.5\.0\.\d+\/24$/), gateway: '10.5.0.1', interface: 2 }],
          routes: [{ dst: '0.0.0.0/0', gw: '10.5.0.1' }],
        })
        expect(await linkOf(pod, 'eth0')).toMatchObject({ up: true, addresses: [result.ips[0]?.address], mac: result.interfaces[2]?.mac })
        expect(await pod.exec('ping', ['-c1', '-W2', '10.5.0.1'])).toMatchObject({ status: 0 })
        expect(await call(host, 'CHECK', pod, { ...own, prevResult: result }, { plugin: 'bridge' })).toMatchObject(nothing)
      }
      expect(served(host)).toHaveLength(2)
      for (const pod of pods) {
        for (const _time of ['once', 'again']) expect(await call(host, 'DEL', pod, own, { plugin: 'bridge' })).toMatchObject(nothing)
        expect(await linkOf(pod, 'eth0')).toBeNull()
      }
      await until(
        () => served(host),
        (lines) => lines.length === 0,
      )
      expect(served(host)).toEqual([])
      expect(await linkOf(host, 'lan')).toEqual(before)
    })
  })

  it.skipIf(noChildLinkReason('macvlan') !== undefined)(
    'macvlan asks by the interface that it has made, and gives back by it',
    async () => {
      await withHost(async (host) => {
        await wire(host)
        await dnsmasq(host)
        await daemon(host)
        const pod = await host.pod()
        const own = { type: 'macvlan', master: 'lan', mode: 'bridge' }
        const result = (await call(host, 'ADD', pod, own, { plugin: 'macvlan' })).json as Answer
        expect(await linkOf(pod, 'eth0')).toMatchObject({ addresses: [result.ips[0]?.address], up: true })
        expect(await routesOf(pod)).toEqual(['default via 10.5.0.1'])
        expect(await call(host, 'CHECK', pod, { ...own, prevResult: result }, { plugin: 'macvlan' })).toMatchObject(nothing)
        for (const _time of ['once', 'again']) expect(await call(host, 'DEL', pod, own, { plugin: 'macvlan' })).toMatchObject(nothing)
        expect(
          await until(
            () => served(host),
            (leases) => leases.length === 0,
          ),
        ).toEqual([])
        expect(await linkOf(pod, 'eth0')).toBeNull()
      })
    },
  )
})

/** Debian's busybox has one, others' need not. */
function noUdhcpdReason(): string | undefined {
  const applets = noProgramReason('busybox') === undefined ? spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout : ''
  return applets.split('\n').includes('udhcpd') ? undefined : 'no busybox with udhcpd'
}

describeClient('dhcp with udhcpd', noUdhcpdReason(), () => {
  it('sets the interface down when no server renews its lease', async () => {
    await withHost(async (host) => {
      await wire(host)
      const lines = [
        'start 10.5.0.70',
        'end 10.5.0.80',
        'interface far0',
        'min_lease 2',
        `lease_file ${host.dir}/u.leases`,
        `pidfile ${host.dir}/u.pid`,
      ]
      const options = ['opt subnet 255.255.255.0', 'opt router 10.5.0.1', 'opt lease 4']
      writeFileSync(join(host.dir, 'u.conf'), [...lines, ...options, ''].join('\n'))
      writeFileSync(join(host.dir, 'u.leases'), '')
      const stop = await start(host, 'udhcpd', 'nsenter', '--net=/var/run/netns/far', 'busybox', 'udhcpd', '-f', join(host.dir, 'u.conf'))
      await daemon(host)
      const pod = await onWire(host)
      await lease(host, pod)
      expect(
        await until(
          () => said(host, 'daemon'),
          (text) => text.includes('renewed'),
        ),
      ).toContain('renewed')
      await stop()
      expect(
        await until(
          () => linkOf(pod, 'eth0'),
          (link) => link?.up === false,
        ),
      ).toMatchObject({ up: false })
      expect(said(host, 'daemon')).toContain('expired: bringing eth0 down')
      expect(await call(host, 'DEL', pod)).toMatchObject(nothing)
    })
  })
})

describeHost('dhcp without a server', () => {
  it('reports that no server answers, and a killed plugin leaves nothing behind', async () => {
    await withHost(async (host) => {
      await wire(host)
      await daemon(host, '-resendtimeout', '2s')
      const pod = await onWire(host)
      expect(await call(host, 'ADD', pod)).toMatchObject({ status: 1, json: { code: 11, msg: 'no more tries: no DHCP server answers' } })
      expect((await call(host, 'ADD', pod, {}, { timeout: 300 })).status).toBe(-1)
      expect(
        await until(
          () => said(host, 'daemon'),
          (text) => text.includes('a plugin has ended'),
        ),
      ).toContain('a plugin has ended')
      expect((await call(host, 'STATUS', pod)).status).toBe(0)
    })
  })

  it.each([
    ['an interface that is not there', { netns: true }, 999, 'error looking up "eth0": Link not found'],
    ['a namespace that is not there', { netns: false }, 5, 'No such file or directory'],
  ])('%s', async (_, { netns }, code, msg) => {
    await withHost(async (host) => {
      await daemon(host)
      const pod = await host.pod()
      const { json } = await call(host, 'ADD', netns ? pod : { ...pod, netns: '/run/netns/nix' })
      expect(json).toMatchObject({ code, msg: expect.stringContaining(msg) })
    })
  })
})

describeHost('dhcp without a daemon', () => {
  it.each([
    [
      'ADD',
      {
        status: 1,
        json: { code: 5, msg: 'error dialing DHCP daemon: no process listens on /run/cni/dhcp.sock: start `dhcp daemon` there' },
      },
    ],
    ['CHECK', { status: 1, json: { code: 5 } }],
    ['DEL', { status: 0, stdout: '' }],
    ['STATUS', { status: 1, json: { code: 50 } }],
    ['GC', { status: 0 }],
  ])('%s', async (verb, expected) => {
    await withHost(async (host) => {
      expect(await call(host, verb, await host.pod())).toMatchObject(expected)
    })
  })

  it.each([
    ['is not podwire’s', 'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'],
    ['sends nothing', ''],
  ])('what listens on the socket %s', async (_, text) => {
    await withHost(async (host) => {
      const path = join(host.dir, 's')
      const script = `const s=require('net').createServer(c=>{c.on('error',()=>{});c.end("${text}")});s.listen(${JSON.stringify(path)},()=>console.log('up'))`
      const stop = await start(host, 'other', process.execPath, '-e', script)
      await until(
        () => said(host, 'other'),
        (words) => words.includes('up'),
      )
      const { json } = await call(host, 'ADD', await host.pod(), { ipam: { type: 'dhcp', daemonSocketPath: path } })
      expect(json).toMatchObject({ code: 5, msg: `what listens on ${path} is not podwire's \`dhcp daemon\`` })
      await stop()
    })
  })

  it('a second daemon on one socket does not begin; one in the place of a dead one does', async () => {
    await withHost(async (host) => {
      const stop = await daemon(host, '-pidfile', '/run/dhcp.pid')
      expect((await host.run('cat', '/run/dhcp.pid')).length).toBeGreaterThan(0)
      const second = await host.exec(join(pluginPath, 'dhcp'), ['daemon'])
      expect(second).toMatchObject({ status: 1, stderr: 'dhcp: another daemon is listening on /run/cni/dhcp.sock\n' })
      await stop()
      await daemon(host)
      expect((await call(host, 'STATUS', await host.pod())).status).toBe(0)
    })
  })
})
