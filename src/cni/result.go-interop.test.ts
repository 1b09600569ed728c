// Results as the Go plugins print them, byte for byte. Runs where build/go-reference.sh has put those.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Json } from './json.ts'
import { decodeResult, encodeResult } from './result.ts'
import { type CniVersion, cniVersions } from './types.ts'

const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'podwire')
const folder = fs.existsSync(cache) ? fs.readdirSync(cache).find((name) => name.startsWith('go-reference-')) : undefined
const goPlugins = path.join(cache, folder ?? 'none')

/** What the plugin prints for ADD. Neither of those used here looks into the namespace. */
function goAdd(plugin: string, cniVersion: CniVersion, config: object): string {
  const env = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c',
    CNI_IFNAME: 'eth0',
    CNI_NETNS: '/none',
    CNI_PATH: '/none',
    CNI_NETNS_OVERRIDE: '1',
  }
  const input = JSON.stringify({ cniVersion, name: 'net', type: plugin, ...config })
  const { status, stdout } = spawnSync(path.join(goPlugins, plugin), { env, input, encoding: 'utf8' })
  expect(status, stdout).toBe(0)
  return stdout
}

const addresses = [{ address: '10.1.0.5/24', gateway: '10.1.0.1' }, { address: 'FD00:0:0::5/64' }]
const routes = [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.9' }, { dst: '::/0', gw: 'fd00::1' }]
const dns = { nameservers: ['1.1.1.1'], domain: 'x.y', search: ['a', 'b'], options: ['o<>&"\\/ü'] }
const interfaces = [{ name: 'cni0', mac: '0a:58:0a:01:00:01' }, { name: '' }, { name: 'eth0', sandbox: '/x' }]
const ips = [{ version: '4', address: '10.1.0.5/24', gateway: '10.1.0.1', interface: 2 }]

describe.skipIf(!fs.existsSync(path.join(goPlugins, 'portmap')))('a result of the Go plugins', () => {
  it.each(cniVersions)('of %s is podwire’s, byte for byte', (version) => {
    const printed = goAdd('static', version, { ipam: { type: 'static', addresses, routes, dns } })
    expect(encodeResult(decodeResult(JSON.parse(printed) as Json, version, 'x'), version)).toBe(printed)
    const bare = goAdd('static', version, { ipam: { type: 'static', addresses } })
    expect(encodeResult(decodeResult(JSON.parse(bare) as Json, version, 'x'), version)).toBe(bare)
  })

  it.each(cniVersions.slice(2))('that is passed on as prevResult of %s is podwire’s, byte for byte', (version) => {
    const prevResult = { cniVersion: version, interfaces, ips, routes, dns: {} }
    const printed = goAdd('portmap', version, { prevResult })
    expect(encodeResult(decodeResult(prevResult as unknown as Json, version, 'x'), version)).toBe(printed)
  })

  it.each(cniVersions.slice(2))('of %s has the later fields where podwire’s has them', (version) => {
    const more = [{ name: 'cni0', mtu: 1500, socketPath: '/s', pciID: '0000:00:1f.6' }]
    const longRoutes = [{ dst: '10.9.0.0/16', mtu: 1400, advmss: 1300, priority: 7, table: 0, scope: 0 }]
    const prevResult = { cniVersion: version, interfaces: more, routes: longRoutes }
    const printed = goAdd('portmap', version, { prevResult })
    expect(encodeResult(decodeResult(prevResult, version, 'x'), version)).toBe(printed)
  })
})
