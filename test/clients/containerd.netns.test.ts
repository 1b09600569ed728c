// containerd starts containers on our bridge: `ctr run --cni`, with go-cni behind it. A daemon of the test's own, an image made here, nothing is pulled.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type Host, type Outcome, pluginPath, withHost } from '../harness/netns.ts'
import { describeClient, noProgramReason } from './available.ts'
import { noStaticBusyboxReason, writeBusyboxImage } from './busybox-image.ts'

const IMAGE = 'registry.invalid/busybox:1'

const conflist = (versions: object) => ({
  ...versions,
  name: 'net',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni9',
      isGateway: true,
      ipMasq: true,
      ipam: { type: 'host-local', subnet: '10.9.0.0/24', routes: [{ dst: '0.0.0.0/0' }] },
    },
  ],
})

// containerd 1.6 refuses a list that says nothing but 1.1.0, and takes one that offers it as well.
const lists: [title: string, versions: object][] = [
  ['0.3.1', { cniVersion: '0.3.1' }],
  ['0.4.0', { cniVersion: '0.4.0' }],
  ['1.0.0', { cniVersion: '1.0.0' }],
  ['1.0.0 that offers 1.1.0', { cniVersion: '1.0.0', cniVersions: ['1.0.0', '1.1.0'] }],
]

describeClient('containerd', noProgramReason('containerd', 'ctr', 'runc', 'busybox') ?? noStaticBusyboxReason(), () => {
  it.each(lists)('gives containers addresses of our bridge and takes them back when the list is of %s', async (_title, versions) => {
    await withHost(async (host) => {
      const ctr = await startContainerd(host, versions)
      expect(await ctr('image', 'import', writeBusyboxImage(host.dir, IMAGE))).toMatchObject({ status: 0 })
      // Not detached: then ctr itself calls DEL, after the container has ended.
      // The machine's cgroups are the only thing that is not the host's alone: a name of its own for each.
      const [first, second] = [`one-${host.dir.slice(-6)}`, `two-${host.dir.slice(-6)}`]
      const [one, two] = [startContainer(ctr, first), startContainer(ctr, second)]
      const addresses = [await addressOf(ctr, first), await addressOf(ctr, second)]
      expect(addresses.sort()).toEqual(['10.9.0.2/24', '10.9.0.3/24'])
      for (const address of ['10.9.0.1', '10.9.0.2', '10.9.0.3']) {
        const pinged = await ctr('task', 'exec', '--exec-id', 'ping', first, 'ping', '-c', '1', '-W', '2', address)
        expect(pinged).toMatchObject({ status: 0, stdout: expect.stringContaining('1 packets received') })
      }
      expect(await leases(host)).toEqual(['10.9.0.2', '10.9.0.3'])
      expect(await host.run('iptables-save')).toContain(`name: \\"net\\" id: \\"default-${first}\\"`)

      for (const id of [first, second]) expect(await ctr('task', 'kill', '--signal', 'KILL', id)).toMatchObject({ status: 0 })
      expect([(await one).stderr, (await two).stderr]).toEqual(['', ''])
      expect(await leases(host)).toEqual([])
      expect(await host.run('iptables-save')).not.toContain('CNI-')
      await vi.waitUntil(async () => (await host.run('ip', '-o', 'link', 'show', 'type', 'veth')) === '', 10_000)
    })
  })
})

type Ctr = (...args: string[]) => Promise<Outcome>

/** A containerd with its data in the host's folder and its configuration in the host's own /etc and /opt. Returns its client. */
async function startContainerd(host: Host, versions: object): Promise<Ctr> {
  const [folder, socket] = [join(host.dir, 'containerd'), join(host.dir, 'containerd.sock')]
  mkdirSync(folder)
  const settings = [
    'version = 2',
    `root = "${folder}/root"`,
    `state = "${folder}/state"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\naddress = "${socket}"`,
    '[ttrpc]\naddress = "/run/containerd-ttrpc.sock"',
  ]
  writeFileSync(join(folder, 'config.toml'), settings.join('\n'))
  writeFileSync(join(folder, 'net.conflist'), JSON.stringify(conflist(versions)))
  await host.run('sh', '-ec', start, 'sh', folder, pluginPath)
  const ctr: Ctr = (...args) => host.exec('ctr', ['--address', socket, ...args])
  await vi.waitUntil(async () => (await ctr('version')).status === 0, 20_000)
  return ctr
}

const start = `
mountpoint -q /etc
mountpoint -q /opt
mkdir -p /etc/cni/net.d /opt/cni/bin
rm -f /etc/cni/net.d/* /opt/cni/bin/*
cp "$1/net.conflist" /etc/cni/net.d/
cp "$2"/bridge "$2"/host-local "$2"/loopback /opt/cni/bin/
containerd --config "$1/config.toml" >"$1/log" 2>&1 </dev/null &
`

/** Runs until it is killed; the outcome is that of the whole run, DEL included. */
function startContainer(ctr: Ctr, id: string): Promise<Outcome> {
  // Without --cgroup a folder of containerd's namespace would stay in the machine's cgroups.
  return ctr('run', '--rm', '--cni', '--cgroup', '', '--snapshotter', 'native', IMAGE, id, 'sleep', '1000')
}

async function addressOf(ctr: Ctr, id: string): Promise<string | undefined> {
  let shown = ''
  const look = async () => {
    shown = (await ctr('task', 'exec', '--exec-id', 'look', id, 'ip', '-4', 'addr', 'show', 'eth0')).stdout
    return shown.includes('inet ')
  }
  await vi.waitUntil(look, 20_000)
  return /inet (\S+)/.exec(shown)?.[1]
}

async function leases(host: Host): Promise<string[]> {
  return (await host.run('ls', '/var/lib/cni/networks/net')).split('\n').filter((file) => file.startsWith('10.'))
}
