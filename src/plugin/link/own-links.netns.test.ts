// What has the name of an attachment's links and is another's: no verb of `podwire` deletes or changes it.

import { describe, expect, it } from 'vitest'
import { leases, linkOf } from '../../../test/harness/bridge.ts'
import { describeHost, type Host, withHost } from '../../../test/harness/netns.ts'
import { attach, full, refuse, remains, succeed } from '../../../test/harness/podwire.ts'
import { groupOf } from '../../kernel/route/link-group.ts'
import { hostLinkAlias, hostLinkName, ifbName } from './owner.ts'

const owner = { network: 'net', containerId: 'pod1', ifname: 'eth0' }
const pair = hostLinkName(owner)
const ifb = ifbName(owner)
/** A link of another pod, with the same hash in its name. */
const alias = hostLinkAlias({ ...owner, containerId: 'other' }, 'shop/web')

const foreign: readonly [title: string, name: string, alias: string][] = [
  ['pair has no alias', pair, ''],
  ['pair has the alias of another pod', pair, alias],
  ['IFB has no alias', ifb, ''],
  ['IFB has the alias of another pod', ifb, alias],
]
const links = (host: Host) => host.run('ip', '-o', 'link')
const makeLink = (host: Host, name: string, text: string) =>
  host.run('sh', '-ec', `ip link add ${name} type veth peer name foreign; ip link set ${name} alias '${text}'`)

describeHost('a link that is not the attachment’s', () => {
  describe.each(['ptp', 'bridge'])('%s', (datapath) => {
    it.each(foreign)(
      'stays where the one that has the name of the %s; ADD reports that and leaves nothing, DEL succeeds',
      async (_, name, text) => {
        await withHost(async (host) => {
          const [first, pod] = [await host.pod('first'), await host.pod()]
          await attach(host, first, full(datapath, 7000))
          await succeed(host, 'DEL', first, full(datapath, 7000))
          await makeLink(host, name, text)
          const before = [await remains(host), await links(host)]
          const output = text ? `its alias is "${text}"` : 'it has no alias'
          expect(await refuse(host, 'ADD', pod, full(datapath))).toMatchObject({
            code: 5,
            msg: `add link ${name}: File exists (veth of that name belongs to another owner: ${output})`,
          })
          expect(await linkOf(pod, 'eth0')).toBe(null)
          expect([await remains(host), await links(host)]).toEqual(before)
          await succeed(host, 'DEL', pod, full(datapath))
          expect([await remains(host), await links(host)]).toEqual(before)
        })
      },
    )
  })

  it('stays when DEL and GC remove the attachment’s own', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      for (const verb of ['DEL', 'GC']) {
        await attach(host, pod, full('ptp'))
        await host.run('ip', 'link', 'del', ifb)
        await makeLink(host, ifb, alias)
        const config = { ...full('ptp'), 'cni.dev/valid-attachments': [{ containerID: 'other', ifname: 'eth0' }] }
        await succeed(host, verb, pod, config)
        expect([await linkOf(host, pair), await leases(host)]).toEqual([null, ''])
        expect(await linkOf(host, ifb)).toMatchObject({ alias })
        await host.run('ip', 'link', 'del', ifb)
      }
    })
  })

  it('stays, and the attachment’s go, when it is in the group that they would be deleted by', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, full('ptp'))
      const index = Number(await host.run('cat', `/sys/class/net/${pair}/ifindex`))
      await host.run('ip', 'link', 'add', 'stranger', 'group', `${groupOf(index)}`, 'type', 'veth', 'peer', 'name', 'strange1')
      await succeed(host, 'DEL', pod, full('ptp'))
      expect([await linkOf(host, pair), await linkOf(host, ifb)]).toEqual([null, null])
      expect(await linkOf(host, 'stranger')).not.toBe(null)
    })
  })

  it('is distinguished from the attachment’s when ADD is repeated', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      await attach(host, pod, full('ptp'))
      await host.run('ip', 'link', 'set', pair, 'alias', 'mine')
      expect(await refuse(host, 'ADD', pod, full('ptp'))).toMatchObject({ code: 4, msg: expect.stringContaining('already exists') })
      expect(await linkOf(host, pair)).toMatchObject({ alias: 'mine' })
    })
  })
})
