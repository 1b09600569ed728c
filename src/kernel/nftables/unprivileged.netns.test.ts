// A caller without CAP_NET_ADMIN: the kernel rejects the first message of a batch and does not answer the rest.

import { expect, it } from 'vitest'
import { describeHost, pluginPath, withHost } from '../../../test/harness/netns.ts'

describeHost('nftables without CAP_NET_ADMIN', () => {
  it('is an error, and not a wait for answers that never come', async () => {
    await withHost(async (host) => {
      const config = { cniVersion: '1.0.0', name: 'net', type: 'podwire', ipam: { type: 'host-local', subnet: '10.1.0.0/24' } }
      const env = { CNI_COMMAND: 'DEL', CNI_CONTAINERID: 'id', CNI_IFNAME: 'eth0', CNI_PATH: pluginPath, PATH: '/usr/bin:/bin' }
      const without = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin', `${pluginPath}/podwire`]
      const { status, stdout } = await host.exec('setpriv', without, { env, stdin: JSON.stringify(config), timeout: 5000 })
      expect(status).toBe(1)
      expect(JSON.parse(stdout)).toMatchObject({ code: 5, msg: expect.stringContaining('Operation not permitted') })
    })
  })
})
