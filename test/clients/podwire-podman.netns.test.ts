// podman 4 with its CNI backend on a network of `podwire`, published ports included.

import { expect, it, vi } from 'vitest'
import type { Host, Outcome } from '../harness/netns.ts'
import { ask, wire } from '../harness/traffic.ts'
import { describeClient } from './available.ts'
import { IMAGE, noPodmanReason, type Podman, withPodman } from './podman.ts'

const listOf = (cniVersion: string, datapath: string) => ({
  cniVersion,
  name: 'net',
  plugins: [
    {
      type: 'podwire',
      datapath,
      capabilities: { portMappings: true, ips: true, mac: true },
      ipam: { type: 'host-local', routes: [{ dst: '0.0.0.0/0' }], ranges: [[{ subnet: '10.9.0.0/24' }]] },
    },
  ],
})

const done = { status: 0, stderr: '' }

/** Starts a container on the network; podman's names are the machine's, so the host's is part of them. */
async function start(host: Host, podman: Podman, name: string, options: readonly string[], command: readonly string[]): Promise<string> {
  const whole = `${name}-${host.dir.slice(-6)}`
  const given = ['--detach', '--network', 'net', '--name', whole, '--hostname', name, ...options]
  expect(await podman('run', ...given, IMAGE, ...command)).toMatchObject(done)
  return whole
}

/** What is left of containers: links, leases, host ports. */
async function left(host: Host): Promise<string[]> {
  const links = await host.run('sh', '-c', 'ip -o -d link show type veth | grep podwire: || true')
  const leases = await host.run('sh', '-c', 'ls /var/lib/cni/networks/net | grep ^10 || true')
  const ports = await host.run('nft', 'list', 'table', 'inet', 'podwire')
  return `${links}${leases}`
    .split('\n')
    .concat(ports.split('\n').filter((line) => line.includes('comment')))
    .filter(Boolean)
}

describeClient('podwire and podman', noPodmanReason(), () => {
  it.each([
    ['0.4.0', 'ptp'],
    ['1.0.0', 'ptp'],
    ['1.0.0', 'bridge'],
  ])('gives containers addresses and publishes their ports when the list is of %s and the datapath %s', async (version, datapath) => {
    await withPodman(listOf(version, datapath), async (host, podman) => {
      const out = await wire(host, 'out', '192.0.2', 'fd03')
      const server = ['httpd', '-f', '-p', '8000', '-h', '/etc']
      const web = await start(host, podman, 'web', ['-p', '8080:8000', '-p', '192.0.2.1:8081:8000', '-p', '5353:53/udp'], server)
      const other = await start(host, podman, 'other', ['--ip', '10.9.0.77', '--mac-address', '02:00:00:00:00:42'], ['sleep', '1000'])
      const template = '{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}} {{.Gateway}} {{.MacAddress}}{{end}}'
      expect((await podman('inspect', '--format', template, web, other)).stdout.trim().split('\n')).toEqual([
        '10.9.0.2/24 10.9.0.1 0a:58:0a:09:00:02',
        '10.9.0.77/24 10.9.0.1 02:00:00:00:00:42',
      ])
      for (const address of ['10.9.0.1', '10.9.0.2']) {
        expect(await podman('exec', other, 'ping', '-c', '1', '-W', '2', address), address).toMatchObject(done)
      }
      const id = (await podman('inspect', '--format', '{{.Id}}', web)).stdout.trim()
      expect(await host.run('ip', '-d', 'link', 'show', 'type', 'veth')).toContain(`alias podwire:${id} net`)

      const fetch = (address: string) => ['wget', '-q', '-O', '-', `http://${address}/hostname`]
      const places: readonly [title: string, run: (command: string[]) => Promise<Outcome>][] = [
        ['outside', (command) => out.exec('busybox', command)],
        ['the node', (command) => host.exec('busybox', command)],
        ['another container', (command) => podman('exec', other, ...command)],
        ['the container itself', (command) => podman('exec', web, ...command)],
      ]
      const page = { status: 0, stdout: 'web' }
      for (const address of ['192.0.2.1:8080', '192.0.2.1:8081', '10.9.0.1:8080']) {
        for (const [place, run] of places) expect(await run(fetch(address)), `${address} from ${place}`).toMatchObject(page)
      }
      expect(await host.exec('busybox', fetch('127.0.0.1:8080'))).toMatchObject(page)
      expect(await host.run('nft', 'list', 'map', 'inet', 'podwire', 'hostports4')).toContain('udp . 5353')

      expect(await podman('rm', '--force', '--time', '0', web, other)).toMatchObject(done)
      await vi.waitUntil(async () => (await left(host)).length === 0, 10_000)
      expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('refused')
    })
  })

  it('gets an error that names the owner of a port that another network has, and leaves nothing', async () => {
    await withPodman(listOf('1.0.0', 'ptp'), async (host, podman) => {
      const pod = await host.pod()
      const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }
      const theirs = {
        cniVersion: '1.0.0',
        name: 'theirs',
        type: 'podwire',
        ipam: { type: 'host-local', subnet: '10.8.0.0/24' },
        runtimeConfig,
      }
      expect(await host.cni('podwire', 'ADD', theirs, { netns: pod.netns, id: 'first' })).toMatchObject(done)
      const before = await left(host)
      const run = await podman('run', '--rm', '--network', 'net', '-p', '8080:80', IMAGE, 'sleep', '1000')
      expect(run).toMatchObject({ status: 126, stderr: expect.stringContaining('host port tcp/8080 is taken by first') })
      expect(await left(host)).toEqual(before)
    })
  })
})
