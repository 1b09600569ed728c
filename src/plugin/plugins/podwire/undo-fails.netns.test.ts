// ADD of `podwire` that fails late and cannot take everything back: the answer reports both, and DEL cleans up later.

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { leases, linkOf } from '../../../../test/harness/bridge.ts'
import { describeHost, pluginPath, withHost } from '../../../../test/harness/netns.ts'
import { attach, call, full, network, refuse, remains, succeed } from '../../../../test/harness/podwire.ts'
import { hostLinkName } from '../../link/owner.ts'

const link = hostLinkName({ network: 'net', containerId: 'pod1', ifname: 'eth0' })
const leaseFolder = '/var/lib/cni/networks'

/** An IPAM that gives what it is asked for and takes nothing back while a file says so. */
const ipamScript = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] && echo '{ "cniVersion": "1.1.0", "ips": [{ "address": "10.1.0.9/24" }] }'
[ "$CNI_COMMAND" = DEL ] && [ -e /run/ipam-is-down ] && echo '{ "code": 42, "msg": "the address server is down" }' && exit 1
exit 0
`

describeHost('ADD of podwire that cannot be undone', () => {
  describe.each(['ptp', 'bridge'])('%s', (datapath) => {
    it('reports that the address is another’s and that the leases are read-only by now', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const config = { ...network, datapath, enabledad: true }
        await succeed(host, 'DEL', pod, config)
        // The kernel of the pod asks for its address every second, and ADD waits until somebody answers.
        expect(await pod.exec('sysctl', ['-qw', 'net.ipv6.conf.default.dad_transmits=100'])).toMatchObject({ status: 0 })
        const adding = call(host, 'ADD', pod, config)
        await vi.waitUntil(async () => (await linkOf(pod, 'eth0'))?.tentative, { timeout: 4000, interval: 20 })
        await host.run('sh', '-ec', `mount --bind ${leaseFolder} ${leaseFolder}; mount -o remount,bind,ro ${leaseFolder}`)
        await host.run('ip', 'addr', 'add', 'fd00:1::2/128', 'dev', datapath === 'ptp' ? link : 'podwire0', 'nodad')

        const { status, json, stdout } = await adding
        expect({ status, json }, stdout).toMatchObject({
          status: 1,
          json: {
            code: 11,
            msg: 'address fd00:1::2/64 is in use by another host on the link',
            details: expect.stringMatching(/^could not release the lease: .*Read-only file system/),
          },
        })
        // All the same the rest was undone.
        expect([await linkOf(pod, 'eth0'), await linkOf(host, link)]).toEqual([null, null])
        expect(await leases(host)).toContain('10.1.0.2')
        await host.run('umount', leaseFolder)
        await succeed(host, 'DEL', pod, config)
        expect(await leases(host)).toBe('')
      })
    })

    it('reports the owner of the host port and the IPAM program’s error at DEL', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        await attach(host, await host.pod('other'), full(datapath))
        const folder = join(host.dir, 'ipam')
        await host.run('mkdir', folder)
        writeFileSync(join(folder, 'address-server'), ipamScript)
        chmodSync(join(folder, 'address-server'), 0o755)
        await host.run('touch', '/run/ipam-is-down')

        const config = { ...full(datapath), ipam: { type: 'address-server' } }
        const options = { path: `${pluginPath}:${folder}` }
        const before = await remains(host)
        expect(await refuse(host, 'ADD', pod, config, options)).toMatchObject({
          code: 11,
          msg: 'host port tcp/8080 is taken by ns/other',
          details: expect.stringContaining('could not release the lease: the address server is down'),
        })
        expect(await remains(host)).toEqual(before)
        // DEL says so as well, with the code that came, until the IPAM can do it.
        expect(await refuse(host, 'DEL', pod, config, options)).toMatchObject({ code: 42, msg: 'the address server is down' })
        await host.run('rm', '/run/ipam-is-down')
        await succeed(host, 'DEL', pod, config, options)
        expect(await refuse(host, 'ADD', pod, config, options)).toEqual({
          cniVersion: '1.1.0',
          code: 11,
          msg: 'host port tcp/8080 is taken by ns/other',
        })
      })
    })
  })
})
