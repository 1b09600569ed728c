// The Go host-local and podwire's in turn on one directory. Runs where build/go-reference.sh has put the Go plugins.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { requestFor } from '../../test/harness/ipam.ts'
import { formatAddress } from '../net/address.ts'
import { hostLocalIpam } from './host-local.ts'

const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'podwire')
const folder = fs.existsSync(cache) ? fs.readdirSync(cache).find((name) => name.startsWith('go-reference-')) : undefined
const goPlugin = path.join(cache, folder ?? 'none', 'host-local')

describe.skipIf(!fs.existsSync(goPlugin))('host-local in Go and podwire’s', () => {
  let dataDir: string
  beforeEach(() => {
    dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'interop-'))
  })
  afterEach(() => fs.rmSync(dataDir, { recursive: true, force: true }))

  const json = () => ({
    cniVersion: '1.0.0',
    name: 'net',
    type: 'x',
    ipam: { type: 'host-local', dataDir, ranges: [[{ subnet: '10.1.0.0/28' }], [{ subnet: 'fd00::/112' }]] },
  })
  const go = (command: string, containerId: string) => {
    const env = { CNI_COMMAND: command, CNI_CONTAINERID: containerId, CNI_IFNAME: 'eth0', CNI_NETNS: '/none', CNI_PATH: '/none' }
    const { status, stdout } = spawnSync(goPlugin, { env, input: JSON.stringify(json()), encoding: 'utf8' })
    return { status, stdout }
  }
  const goAdd = (containerId: string): string[] => {
    const { status, stdout } = go('ADD', containerId)
    expect(stdout).toContain('"ips"')
    expect(status).toBe(0)
    const { ips } = JSON.parse(stdout) as { ips: { address: string }[] }
    return ips.map(({ address }) => address.split('/')[0] ?? '')
  }
  const add = (containerId: string) => {
    const { ips } = hostLocalIpam.add(requestFor(hostLocalIpam.config, json(), { containerId }))
    return ips.map(({ address }) => formatAddress(address.address))
  }
  const del = (containerId: string) => hostLocalIpam.del(requestFor(hostLocalIpam.config, json(), { containerId, command: 'DEL' }))
  const check = (containerId: string) => hostLocalIpam.check(requestFor(hostLocalIpam.config, json(), { containerId, command: 'CHECK' }))
  const leases = () => fs.readdirSync(path.join(dataDir, 'net')).filter((name) => name.startsWith('10.') || name.startsWith('fd'))

  it('give out addresses in one order', () => {
    expect([goAdd('a'), add('b'), add('c'), goAdd('d'), add('e')]).toEqual([2, 3, 4, 5, 6].map((i) => [`10.1.0.${i}`, `fd00::${i}`]))
  })

  it('release and check what the other one leased', () => {
    goAdd('a')
    add('b')
    goAdd('c')
    add('d')
    expect(() => check('a')).not.toThrow()
    expect(go('CHECK', 'b').status).toBe(0)
    del('a')
    expect(go('DEL', 'b').status).toBe(0)
    expect(go('CHECK', 'b').status).not.toBe(0)
    expect(() => check('a')).toThrow('Failed to find address')
    expect(leases().sort()).toEqual(['10.1.0.4', '10.1.0.5', 'fd00::4', 'fd00::5'])
    del('c')
    expect(go('DEL', 'd').status).toBe(0)
    expect(leases()).toEqual([])
  })

  it('know the leases of the other one', () => {
    const [first] = goAdd('a')
    expect(add('a')).toContain(first)
    add('b')
    expect(go('ADD', 'b').stdout).toContain('duplicate allocation is not allowed')
    del('b')
    expect(goAdd('b')).toEqual(['10.1.0.4', 'fd00::4'])
  })

  it('fill a range together and give each address once', () => {
    const given = Array.from({ length: 13 }, (_, i) => (i % 3 === 0 ? goAdd(`c${i}`) : add(`c${i}`))[0])
    expect(new Set(given).size).toBe(13)
    expect(go('ADD', 'late').stdout).toContain('no IP addresses available in range set: 10.1.0.1-10.1.0.14')
    expect(() => add('late')).toThrow('no IP addresses available in range set: 10.1.0.1-10.1.0.14')
    for (let i = 0; i < 13; i++) i % 2 === 0 ? go('DEL', `c${i}`) : del(`c${i}`)
    expect(leases()).toEqual([])
  })
})
