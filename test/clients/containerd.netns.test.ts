// containerd starts containers on our bridge: `ctr run --cni`, with go-cni behind it. A daemon of the test's own, an image made here, nothing is pulled.

import { expect, it, vi } from 'vitest'
import { type Host, withHost } from '../harness/netns.ts'
import { describeClient, noProgramReason } from './available.ts'
import { noStaticBusyboxReason, writeBusyboxImage } from './busybox-image.ts'
import { addressOf, IMAGE, startContainer, startContainerd } from './containerd.ts'

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

// containerd 1.6 rejects a list that offers nothing but 1.1.0, and takes one that offers it as well.
const lists: [title: string, versions: object][] = [
  ['0.3.1', { cniVersion: '0.3.1' }],
  ['0.4.0', { cniVersion: '0.4.0' }],
  ['1.0.0', { cniVersion: '1.0.0' }],
  ['1.0.0 that offers 1.1.0', { cniVersion: '1.0.0', cniVersions: ['1.0.0', '1.1.0'] }],
]

describeClient('containerd', noProgramReason('containerd', 'ctr', 'runc', 'busybox') ?? noStaticBusyboxReason(), () => {
  it.each(lists)('gives containers addresses of our bridge and takes them back when the list is of %s', async (_title, versions) => {
    await withHost(async (host) => {
      const ctr = await startContainerd(host, conflist(versions))
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

async function leases(host: Host): Promise<string[]> {
  return (await host.run('ls', '/var/lib/cni/networks/net')).split('\n').filter((file) => file.startsWith('10.'))
}
