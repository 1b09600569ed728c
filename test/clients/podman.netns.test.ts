// podman 4 with its CNI backend on our bridge, and a container without network that is given one by hand. An image made here, nothing is pulled.

import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type Host, type Outcome, pluginPath, withHost } from '../harness/netns.ts'
import { describeClient, noProgramReason, programPath } from './available.ts'
import { noStaticBusyboxReason, writeBusyboxImage } from './busybox-image.ts'

const IMAGE = 'registry.invalid/busybox:1'

const missing = noProgramReason('podman', 'conmon', 'runc', 'busybox') ?? noStaticBusyboxReason() ?? noBackendReason()

describeClient('podman', missing, () => {
  it.each(['0.3.1', '0.4.0', '1.0.0'])(
    'gives containers addresses of our bridge and takes them back when the list is of %s',
    async (version) => {
      await withPodman(version, async (host, podman) => {
        expect(await podman('load', '--quiet', '--input', writeBusyboxImage(host.dir, IMAGE))).toMatchObject({ status: 0, stderr: '' })
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
    await withPodman('1.0.0', async (host, podman) => {
      expect(await podman('load', '--quiet', '--input', writeBusyboxImage(host.dir, IMAGE))).toMatchObject({ status: 0, stderr: '' })
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

/** Later ones can be built with a CNI backend, but those of distributions are not. */
function noBackendReason(): string | undefined {
  const version = spawnSync('podman', ['--version'], { encoding: 'utf8' }).stdout.trim()
  return version.startsWith('podman version 4.') ? undefined : `${version}: the CNI backend is one of podman 4`
}

type Podman = (...args: string[]) => Promise<Outcome>

async function withPodman(cniVersion: string, body: (host: Host, podman: Podman) => Promise<void>): Promise<void> {
  // The machine's cgroups are the only thing that is not the host's alone; podman leaves the parent of its containers' there.
  const parent = `podwire-${randomUUID()}`
  try {
    await withHost((host) => body(host, setUpPodman(host, cniVersion, parent)))
  } finally {
    execFileSync('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/${parent}*`, '-exec', 'rmdir', '{}', ';'])
  }
}

/** A podman whose containers, images and networks are all in the host's folder. */
function setUpPodman(host: Host, cniVersion: string, cgroupParent: string): Podman {
  const write = (name: string, text: string) => {
    writeFileSync(join(host.dir, name), text)
    return join(host.dir, name)
  }
  const bridge = { type: 'bridge', bridge: 'cni9', isGateway: true, ipMasq: true, hairpinMode: true }
  const ipam = { type: 'host-local', routes: [{ dst: '0.0.0.0/0' }], ranges: [[{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }]] }
  write('net.conflist', JSON.stringify({ cniVersion, name: 'net', plugins: [{ ...bridge, ipam }] }))
  const containers = `
[containers]
cgroups = "no-conmon"
# The defaults raise hard limits, which a machine may not let root do.
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
conmon_path = ["${programPath('conmon')}"]
tmp_dir = "${host.dir}/tmp"
[network]
network_backend = "cni"
network_config_dir = "${host.dir}"
cni_plugin_dirs = ["${pluginPath}"]
`
  const storage = `[storage]\ndriver = "vfs"\nrunroot = "${host.dir}/runroot"\ngraphroot = "${host.dir}/graphroot"\n`
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: host.dir,
    CONTAINERS_CONF: write('containers.conf', containers),
    CONTAINERS_STORAGE_CONF: write('storage.conf', storage),
    CONTAINERS_REGISTRIES_CONF: write('registries.conf', ''),
  }
  const policy = write('policy.json', JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const options: Record<string, string[]> = { load: ['--signature-policy', policy], run: ['--cgroup-parent', `/${cgroupParent}`] }
  return (verb = '', ...args) => host.exec('podman', [verb, ...(options[verb] ?? []), ...args], { env })
}

async function expectNothing(host: Host, network: string): Promise<void> {
  expect((await host.run('ls', `/var/lib/cni/networks/${network}`)).split('\n').filter((file) => file.startsWith('10.'))).toEqual([])
  expect(await host.run('iptables-save')).not.toContain('CNI-')
  await vi.waitUntil(async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')) === '', 10_000)
}
