// podman 4 with its CNI backend on our bridge, and a container without network that is given one by hand. An image made here, nothing is pulled.

import { expect, it, vi } from 'vitest'
import type { Host } from '../harness/netns.ts'
import { wire } from '../harness/traffic.ts'
import { describeClient } from './available.ts'
import { IMAGE, noPodmanReason, withPodman } from './podman.ts'

const bridge = { type: 'bridge', bridge: 'cni9', isGateway: true, ipMasq: true, hairpinMode: true }
const ipam = { type: 'host-local', routes: [{ dst: '0.0.0.0/0' }], ranges: [[{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }]] }
const listOf = (cniVersion: string) => ({ cniVersion, name: 'net', plugins: [{ ...bridge, ipam }] })

describeClient('podman', noPodmanReason(), () => {
  it.each(['0.3.1', '0.4.0', '1.0.0'])(
    'gives containers addresses of our bridge and takes them back when the list is of %s',
    async (version) => {
      await withPodman(listOf(version), async (host, podman) => {
        const names = [`one-${host.dir.slice(-6)}`, `two-${host.dir.slice(-6)}`] as const
        for (const name of names) {
          expect(await podman('run', '--detach', '--network', 'net', '--name', name, IMAGE, 'sleep', '1000')).toMatchObject({
            status: 0,
            stderr: '',
          })
        }
        const template = '{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}} {{.Gateway}} {{.MacAddress}}{{end}}'
        expect((await podman('inspect', '--format', template, ...names)).stdout.split('\n')).toEqual([
          '10.9.0.2/24 10.9.0.1 0a:58:0a:09:00:02',
          '10.9.0.3/24 10.9.0.1 0a:58:0a:09:00:03',
          '',
        ])
        for (const address of ['10.9.0.1', '10.9.0.3']) {
          expect(await podman('exec', names[0], 'ping', '-c', '1', '-W', '2', address)).toMatchObject({ status: 0, stderr: '' })
        }
        expect(await host.run('iptables-save')).toContain('-j MASQUERADE')
        expect(await podman('rm', '--force', '--time', '0', ...names)).toMatchObject({ status: 0, stderr: '' })
        await expectNothing(host, 'net')
      })
    },
  )

  it('has a container without network that gets eth10 when bridge is run by hand', async () => {
    await withPodman(listOf('1.0.0'), async (host, podman) => {
      const name = `pause-${host.dir.slice(-6)}`
      expect(await podman('run', '--detach', '--network', 'none', '--name', name, IMAGE, 'httpd', '-f', '-h', '/etc')).toMatchObject({
        status: 0,
        stderr: '',
      })
      const pid = (await podman('inspect', '--format', '{{.State.Pid}}', name)).stdout.trim()
      await host.run('ln', '-s', `/proc/${pid}/ns/net`, '/var/run/netns/pause_demo')
      const config = { cniVersion: '0.3.0', name: 'demo_br', type: 'bridge', bridge: 'cni_net0', isGateway: true, ipMasq: true }
      const given = { ...config, ipam: { type: 'host-local', subnet: '10.0.10.0/24' } }
      const call = { netns: '/var/run/netns/pause_demo', ifname: 'eth10', id: name }
      expect(await host.cni('bridge', 'ADD', given, call)).toMatchObject({ status: 0, stderr: '' })
      expect((await podman('exec', name, 'ip', 'addr', 'show', 'eth10')).stdout).toContain('inet 10.0.10.2/24')
      const get = 'fetch("http://" + process.argv[1]).then((page) => console.log(page.status))'
      const reserved = '"$(cat /var/lib/cni/networks/demo_br/last_reserved_ip)"'
      // There is no index page: that the server says so is answer enough.
      expect(await host.run('sh', '-c', `"$1" -e '${get}' ${reserved}`, 'sh', process.execPath)).toBe('404\n')
      expect(await host.cni('bridge', 'DEL', given, call)).toMatchObject({ status: 0, stdout: '' })
      expect((await podman('exec', name, 'ip', 'addr')).stdout).not.toContain('eth10')
      expect(await podman('rm', '--force', '--time', '0', name)).toMatchObject({ status: 0, stderr: '' })
      await expectNothing(host, 'demo_br')
    })
  })
})

// As podman writes its default network.
const chain = (backend: string) => ({
  cniVersion: '0.4.0',
  name: 'net',
  plugins: [
    {
      ...bridge,
      ipMasqBackend: backend,
      ipam: {
        type: 'host-local',
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
        ranges: [[{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }], [{ subnet: 'fd09::/64', gateway: 'fd09::1' }]],
      },
    },
    { type: 'portmap', backend, capabilities: { portMappings: true } },
    { type: 'firewall' },
    { type: 'tuning' },
  ],
})

describeClient('podman and the chain of its default network', noPodmanReason(), () => {
  it.each(['iptables', 'nftables'])('publishes a port of both families when it goes over %s, and keeps nothing', async (backend) => {
    await withPodman(chain(backend), async (host, podman) => {
      const out = await wire(host, 'out', '192.0.2', 'fd03')
      const web = `web-${host.dir.slice(-6)}`
      const options = ['--detach', '--network', 'net', '--name', web, '--hostname', 'web', '-p', '8080:8000']
      expect(await podman('run', ...options, IMAGE, 'httpd', '-f', '-p', '8000', '-h', '/etc')).toMatchObject({ status: 0, stderr: '' })
      const fetch = (address: string) => ['wget', '-q', '-O', '-', `http://${address}/hostname`]
      for (const address of ['192.0.2.1:8080', '[fd03::1]:8080'])
        expect(await out.exec('busybox', fetch(address)), address).toMatchObject({ status: 0, stdout: 'web' })
      for (const address of ['192.0.2.1:8080', '127.0.0.1:8080'])
        expect(await host.exec('busybox', fetch(address)), address).toMatchObject({ status: 0, stdout: 'web' })
      expect(await podman('rm', '--force', '--time', '0', web)).toMatchObject({ status: 0, stderr: '' })
      await vi.waitUntil(async () => !(await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).includes('master cni9'), 10_000)
      const rules = await host.run('sh', '-c', 'iptables-save; ip6tables-save; nft list ruleset')
      expect(rules.split('\n').filter((line) => /CNI-(DN-)?[0-9a-f]{16}|dport 8080|10\.9\.0\.2|fd09::2/.test(line))).toEqual([])
    })
  })
})

async function expectNothing(host: Host, network: string): Promise<void> {
  expect((await host.run('ls', `/var/lib/cni/networks/${network}`)).split('\n').filter((file) => file.startsWith('10.'))).toEqual([])
  expect(await host.run('iptables-save')).not.toContain('CNI-')
  await vi.waitUntil(async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')) === '', 10_000)
}
