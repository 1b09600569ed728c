// macspoofchk on the kernel of this machine: what nft shows of it, what it does to frames, and side by side with the Go plugin.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Answer, callDoor, goBridge, goPlugins } from '../../../../test/harness/masquerade.ts'
import { buildProgram } from '../../../../test/harness/native.ts'
import { describeHost, type Host, withHost } from '../../../../test/harness/netns.ts'

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
const IFACE = 'cni-br-iface-1234567890-eth0'
const COMMENT = 'comment "macspoofchk-1234567890-eth0"'
const whole = [
  'table bridge nat {',
  'chain PREROUTING {',
  'type filter hook prerouting priority dstnat; policy accept;',
  `iifname "veth1" jump ${IFACE} ${COMMENT}`,
  '}',
  `chain ${IFACE} {`,
  `jump ${IFACE}-mac ${COMMENT}`,
  '}',
  `chain ${IFACE}-mac {`,
  `ether saddr 0a:58:0a:0f:14:02 return ${COMMENT}`,
  `drop ${COMMENT}`,
  '}',
  '}',
]
const removed = [...whole.slice(0, 3), '}', '}']
const missing = { code: 999, message: `macspoofchk: nftables rules of chain ${IFACE} in table bridge nat are missing`, details: '' }
const hasBridgeTables = spawnSync('unshare', ['--net', 'nft', 'add table bridge probe']).status === 0
const hasGo = fs.existsSync(`${goPlugins}/bridge`)

const suite = hasBridgeTables ? describeHost : describe.skip
suite('the MAC spoof check', () => {
  let program = ''
  beforeAll(() => {
    program = buildProgram('masquerade', 'masquerade=src/plugin/masquerade/backends.ts')
  })

  const inHost = (
    body: (call: (verb: string, more?: object) => Promise<Answer>, list: () => Promise<string[]>, host: Host) => Promise<void>,
  ) =>
    withHost((host) => {
      const list = async () =>
        (await host.exec('nft', ['list', 'table', 'bridge', 'nat'])).stdout
          .split('\n')
          .map((line) => line.trim())
          .filter(Boolean)
      return body((verb, more) => callDoor(host, program, { verb, ...more }, PATH), list, host)
    })

  it('is the chains of the Go plugin, once, however often it is added', () =>
    inHost(async (call, list) => {
      for (let i = 0; i < 3; i++) expect(await call('addSpoofCheck')).toEqual({})
      expect(await list()).toEqual(whole)
      expect(await call('checkSpoofCheck')).toEqual({})
    }))

  it('takes over when the attachment comes again with another port and MAC', () =>
    inHost(async (call, list) => {
      await call('addSpoofCheck', { port: 'vethold', mac: '0a:58:00:00:00:01' })
      expect(await call('addSpoofCheck')).toEqual({})
      expect(await list()).toEqual(whole)
    }))

  it('is gone after remove, which succeeds twice and without a table, and leaves others alone', () =>
    inHost(async (call, list) => {
      expect(await call('removeSpoofCheck')).toEqual({})
      await call('addSpoofCheck')
      await call('addSpoofCheck', { id: '12345678901', port: 'veth2' })
      for (let i = 0; i < 2; i++) expect(await call('removeSpoofCheck')).toEqual({})
      expect(await list()).toHaveLength(whole.length)
      expect(await call('checkSpoofCheck')).toEqual(missing)
      expect(await call('checkSpoofCheck', { id: '12345678901' })).toEqual({})
      await call('removeSpoofCheck', { id: '12345678901' })
      expect(await list()).toEqual(removed)
    }))

  it.each([
    ['the jump', ['flush', 'chain', 'bridge', 'nat', 'PREROUTING']],
    ['the way on', ['flush', 'chain', 'bridge', 'nat', IFACE]],
    ['the drop', ['flush', 'chain', 'bridge', 'nat', `${IFACE}-mac`]],
    ['the table', ['delete', 'table', 'bridge', 'nat']],
  ])('is found incomplete when %s is gone, and removed all the same', (_, damage) =>
    inHost(async (call, list, host) => {
      await call('addSpoofCheck')
      await host.run('nft', ...damage)
      expect(await call('checkSpoofCheck')).toEqual(missing)
      expect(await call('removeSpoofCheck')).toEqual({})
      expect((await list()).some((line) => line.includes(IFACE))).toBe(false)
    }),
  )

  it('is found incomplete when something lets frames through before the drop', () =>
    inHost(async (call, _, host) => {
      await call('addSpoofCheck')
      await host.run('nft', 'insert', 'rule', 'bridge', 'nat', `${IFACE}-mac`, 'accept')
      expect(await call('checkSpoofCheck')).toEqual(missing)
    }))

  it('collects what is neither live nor has its interface any more', () =>
    inHost(async (call, list, host) => {
      await host.run('ip', 'link', 'add', 'vethhere', 'type', 'veth', 'peer', 'name', 'other')
      await call('addSpoofCheck', { id: 'live', port: 'vethgone' })
      await call('addSpoofCheck', { id: 'elsewhere', port: 'vethhere' })
      await call('addSpoofCheck', { id: 'dead', port: 'vethgone2' })
      await host.run('nft', 'add', 'rule', 'bridge', 'nat', 'PREROUTING', 'iifname', 'vethgone2', 'accept')
      expect(await call('gcSpoofCheck', { valid: [{ containerId: 'live', ifname: 'eth0' }] })).toEqual({})
      const text = (await list()).join('\n')
      expect(['live', 'elsewhere', 'dead'].map((id) => text.includes(`cni-br-iface-${id}-eth0`))).toEqual([true, true, false])
      expect(text).toContain('iifname "vethgone2" accept')
    }))

  it('rejects a container ID that is too long for a chain name', () =>
    inHost(async (call, list) => {
      const output = await call('addSpoofCheck', { id: 'c'.repeat(234) })
      expect(output).toEqual({ code: 4, message: 'CNI_CONTAINERID: macspoofchk takes at most 233 characters', details: '' })
      expect(await call('removeSpoofCheck', { id: 'c'.repeat(234) })).toEqual({})
      expect(await list()).toEqual([])
      expect(await call('addSpoofCheck', { id: 'c'.repeat(233) })).toEqual({})
      expect(await call('addSpoofCheck', { id: 'c'.repeat(233) })).toEqual({})
      expect(await call('checkSpoofCheck', { id: 'c'.repeat(233) })).toEqual({})
      expect(await call('removeSpoofCheck', { id: 'c'.repeat(233) })).toEqual({})
      expect(await list()).toEqual(removed)
    }))

  it('holds when twenty at a time come and go', () =>
    inHost(async (call, list) => {
      const ids = Array.from({ length: 20 }, (_, i) => `c${i}`)
      const added = await Promise.all(ids.map((id) => call('addSpoofCheck', { id, port: `veth${id}` })))
      expect(added.filter(({ message }) => message)).toEqual([])
      expect((await list()).filter((line) => line.startsWith('iifname'))).toHaveLength(20)
      const gone = await Promise.all(ids.map((id) => call('removeSpoofCheck', { id })))
      expect(gone.filter(({ message }) => message)).toEqual([])
      expect(await list()).toEqual(removed)
    }))

  it('drops frames under another MAC, and no others', () =>
    inHost(async (call, _, host) => {
      const pod = await host.pod()
      const inPod = async (...args: string[]) => (await pod.exec(args[0] ?? '', args.slice(1))).status
      await host.run('ip', 'link', 'add', 'br0', 'address', '0a:58:0a:0f:14:01', 'up', 'type', 'bridge')
      await host.run('ip', 'addr', 'add', '10.15.20.1/24', 'dev', 'br0')
      await host.run(
        'ip',
        'link',
        'add',
        'veth1',
        'up',
        'master',
        'br0',
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'address',
        '0a:58:0a:0f:14:02',
        'netns',
        pod.name,
      )
      await inPod('ip', 'addr', 'add', '10.15.20.2/24', 'dev', 'eth0')
      await inPod('ip', 'link', 'set', 'eth0', 'up')
      await inPod('ip', 'neigh', 'add', '10.15.20.1', 'lladdr', '0a:58:0a:0f:14:01', 'dev', 'eth0')
      await call('addSpoofCheck')
      // Received by the host, or not: what the counter of a rule behind ours has seen.
      await host.run(
        'nft',
        'add table inet seen; add chain inet seen c { type filter hook input priority 0 ; }; add rule inet seen c udp dport 9 counter',
      )
      const seen = async () => {
        await pod.exec('bash', ['-c', 'echo x >/dev/udp/10.15.20.1/9'])
        const words = (await host.run('nft', 'list', 'chain', 'inet', 'seen', 'c')).split(' ')
        return Number(words[words.indexOf('packets') + 1])
      }
      expect(await seen()).toBe(1)
      await inPod('ip', 'link', 'set', 'eth0', 'address', '0a:58:0a:0f:14:03')
      await inPod('ip', 'neigh', 'replace', '10.15.20.1', 'lladdr', '0a:58:0a:0f:14:01', 'dev', 'eth0')
      expect(await seen()).toBe(1)
      await call('removeSpoofCheck')
      expect(await seen()).toBe(2)
    }))

  it.skipIf(!hasGo)('removes what the Go plugin added, and the Go plugin removes ours', () =>
    inHost(async (call, list, host) => {
      const pod = await host.pod()
      const config = { macspoofchk: true }
      expect(await goBridge(host, 'ADD', PATH, config, pod.netns, '1234567890')).toMatchObject({ status: 0 })
      const port = (await host.run('ls', '/sys/class/net/br0/brif')).trim()
      const made = await list()
      expect(await call('checkSpoofCheck')).toEqual({})
      expect(await call('removeSpoofCheck')).toEqual({})
      expect(await list()).toEqual(removed)
      const shown = await pod.exec('ip', ['-o', 'link', 'show', 'eth0'])
      await call('addSpoofCheck', { port, mac: /link\/ether (\S+)/.exec(shown.stdout)?.[1] })
      expect(await list()).toEqual(made)
      expect(await goBridge(host, 'DEL', PATH, config, pod.netns, '1234567890')).toMatchObject({ status: 0 })
      expect(await list()).toEqual(removed)
    }),
  )
})
