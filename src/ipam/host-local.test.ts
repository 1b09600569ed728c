import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Given, requestFor } from '../../test/harness/ipam.ts'
import { callsOf, failing, killedAt } from '../../test/harness/sys-calls.ts'
import type { Json } from '../cni/json.ts'
import { EACCES, EAGAIN, ENOSPC, EROFS } from '../host/errno.ts'
import { SysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { formatAddress } from '../net/address.ts'
import { formatCidr, parseCidr } from '../net/cidr.ts'
import { hostLocalIpam } from './host-local.ts'

const { config: readHostLocalConfig, ...verbs } = hostLocalIpam

let dataDir: string
let directory: string

beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'host-local-'))
  directory = path.join(dataDir, 'net')
})
afterEach(() => fs.rmSync(dataDir, { recursive: true, force: true }))

const ranges = (...subnets: string[]) => ({ ranges: subnets.map((subnet) => [{ subnet }]) })
const conf = (ipam: { [key: string]: Json }, rest: { [key: string]: Json } = {}): Json => ({
  ...rest,
  ipam: { type: 'host-local', dataDir, ...ipam },
})
const one = ranges('10.1.0.0/29')

const request = (json: Json, given: Given = {}) => requestFor(readHostLocalConfig, json, given)
const add = (json: Json, given: Given = {}) => verbs.add(request(json, given))
const addresses = (json: Json, given: Given = {}) => add(json, given).ips.map(({ address }) => formatAddress(address.address))
const del = (json: Json, given: Given = {}) => verbs.del(request(json, { ...given, command: 'DEL' }))
const check = (json: Json, given: Given = {}) => verbs.check(request(json, { ...given, command: 'CHECK' }))
const gc = (json: Json, given: Given = {}) => verbs.gc(request(json, { ...given, command: 'GC' }))
const status = (json: Json) => verbs.status(request(json, { command: 'STATUS' }))

const read = (name: string) => fs.readFileSync(path.join(directory, name), 'utf8')
const isLease = (name: string) => name.startsWith('10.') || name.startsWith('fd')
const leases = (): Record<string, string> => {
  const names = fs.existsSync(directory) ? fs.readdirSync(directory).filter(isLease).sort() : []
  return Object.fromEntries(names.map((name) => [name, read(name)]))
}
/** A lease as the Go plugin writes it. */
const goLease = (address: string, content: string, age = 0) => {
  fs.mkdirSync(directory, { recursive: true })
  const file = path.join(directory, address)
  fs.writeFileSync(file, content, { mode: 0o600, flag: 'wx' })
  const time = Date.now() / 1000 - age
  fs.utimesSync(file, time, time)
}
const bootAge = os.uptime()
const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
const index = () => fs.readdirSync(path.join(directory, `.owners-${boot}`)).sort()
/** As the disk looks after a reboot: the index is of another boot. */
const reboot = () => {
  fs.renameSync(path.join(directory, `.owners-${boot}`), path.join(directory, '.owners-00000000-dead-4000-8000-000000000000'))
}

describe('ADD', () => {
  it('gives the first address, its prefix and gateway, the routes and the resolv.conf', () => {
    const resolvConf = path.join(dataDir, 'resolv.conf')
    fs.writeFileSync(resolvConf, 'nameserver 192.0.2.53\n')
    const result = add(conf({ subnet: '10.1.0.0/24', routes: [{ dst: '0.0.0.0/0' }], resolvConf }))
    expect(result.ips.map(({ address, gateway }) => [formatCidr(address), gateway && formatAddress(gateway)])).toEqual([
      ['10.1.0.2/24', '10.1.0.1'],
    ])
    expect(result.routes.map(({ dst }) => formatCidr(dst))).toEqual(['0.0.0.0/0'])
    expect(result.dns).toEqual({ nameservers: ['192.0.2.53'] })
    expect(result.interfaces).toEqual([])
  })

  it("writes host-local's files", () => {
    add(conf(ranges('10.1.0.0/24', 'fd00::/64')))
    expect(leases()).toEqual({ '10.1.0.2': 'c1\r\neth0', 'fd00::2': 'c1\r\neth0' })
    expect(read('last_reserved_ip.0')).toBe('10.1.0.2')
    expect(read('last_reserved_ip.1')).toBe('fd00::2')
    expect(read('last_reserved_ip')).toBe('10.1.0.2')
    const mode = (name: string) => fs.statSync(path.join(directory, name)).mode & 0o777
    expect([mode('.'), mode('10.1.0.2'), mode('lock'), mode('last_reserved_ip.0')]).toEqual([0o755, 0o600, 0o600, 0o600])
  })

  it('leaves no temp file behind', () => {
    add(conf(one))
    expect(fs.readdirSync(directory).sort()).toEqual([`.owners-${boot}`, '10.1.0.2', 'last_reserved_ip', 'last_reserved_ip.0', 'lock'])
  })

  it('returns what the attachment has when it is repeated', () => {
    expect(addresses(conf(one))).toEqual(['10.1.0.2'])
    expect(addresses(conf(one))).toEqual(['10.1.0.2'])
    expect(addresses(conf(one), { ifname: 'eth1' })).toEqual(['10.1.0.3'])
    expect(read('last_reserved_ip.0')).toBe('10.1.0.3')
  })

  it('adds what is missing when the attachment has a part', () => {
    add(conf(one))
    expect(addresses(conf(ranges('10.1.0.0/29', 'fd00::/64')))).toEqual(['10.1.0.2', 'fd00::2'])
    expect(index()).toEqual(['c1:eth0'])
  })

  it('goes round before it uses a released address again', () => {
    const ids = ['a', 'b', 'c', 'd', 'e']
    const given = ids.map((containerId) => {
      const found = addresses(conf(one), { containerId })
      del(conf(one), { containerId })
      return found[0]
    })
    expect(given).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6'])
    expect(addresses(conf(one), { containerId: 'f' })).toEqual(['10.1.0.2'])
  })

  it('starts at the first address when last_reserved_ip is garbage', () => {
    goLease('last_reserved_ip.0', 'garbage that is longer than an address')
    expect(addresses(conf(one))).toEqual(['10.1.0.2'])
    expect(read('last_reserved_ip.0')).toBe('10.1.0.2')
  })

  it('gives the requested address', () => {
    expect(addresses(conf(one), { args: { IP: '10.1.0.5' } })).toEqual(['10.1.0.5'])
    expect(read('last_reserved_ip.0')).toBe('10.1.0.5')
    const both = ranges('10.2.0.0/29', 'fd00::/64')
    expect(addresses(conf(both, { args: { cni: { ips: ['fd00::77'] } }, runtimeConfig: { ips: ['10.2.0.4/24'] } }))).toEqual([
      '10.2.0.4',
      'fd00::77',
    ])
  })

  it('takes the address of args and passes over that of CNI_ARGS, whatever it is', () => {
    const args = { cni: { ips: ['10.1.0.4/24'] } }
    for (const IP of ['10.1.0.5', 'nonsense']) expect(addresses(conf(one, { args }), { args: { IP } })).toEqual(['10.1.0.4'])
    const both = conf(ranges('10.2.0.0/29', 'fd00::/64'), { args: { cni: { ips: [] } }, runtimeConfig: { ips: ['fd00::77'] } })
    expect(addresses(both, { args: { IP: '10.2.0.5' } })).toEqual(['10.2.0.5', 'fd00::77'])
  })

  it('gives the requested address in place of another that the attachment has, and releases that', () => {
    expect(addresses(conf(one))).toEqual(['10.1.0.2'])
    for (const _time of ['once', 'again']) expect(addresses(conf(one), { args: { IP: '10.1.0.5' } })).toEqual(['10.1.0.5'])
    expect(leases()).toEqual({ '10.1.0.5': 'c1\r\neth0' })
    expect(addresses(conf(one))).toEqual(['10.1.0.5'])
    goLease('10.1.0.6', 'other\r\neth0')
    expect(() => add(conf(one), { args: { IP: '10.1.0.6' } })).toThrow('is not available')
    expect(leases()).toEqual({ '10.1.0.5': 'c1\r\neth0', '10.1.0.6': 'other\r\neth0' })
  })

  it('accepts a lease that was written by hand, with a line’s end', () => {
    goLease('10.1.0.2', 'c1\r\neth0\n')
    expect(addresses(conf(one))).toEqual(['10.1.0.2'])
    del(conf(one))
    expect(leases()).toEqual({})
  })

  it.each([
    [
      { IP: '10.1.0.5' },
      11,
      'failed to allocate for range 0: requested IP address 10.1.0.5 is not available in range set 10.1.0.1-10.1.0.6',
    ],
    [{ IP: '10.1.0.1' }, 7, "failed to allocate for range 0: requested ip 10.1.0.1 is subnet's gateway"],
    [{ IP: '192.0.2.1' }, 7, 'failed to allocate all requested IPs: 192.0.2.1'],
  ])('rejects the request %j', (args, code, message) => {
    goLease('10.1.0.5', 'other\r\neth0')
    const before = leases()
    expect(() => add(conf(one), { args })).toThrow(expect.objectContaining({ code, message }))
    expect(leases()).toEqual(before)
  })

  it('reports an exhausted set and releases what this call took, and only that', () => {
    add(conf(ranges('10.2.0.0/24')))
    for (let i = 2; i <= 6; i++) goLease(`10.1.0.${i}`, `other${i}\r\neth0`)
    const before = leases()
    const message = 'failed to allocate for range 2: no IP addresses available in range set: 10.1.0.1-10.1.0.6'
    expect(() => add(conf(ranges('10.2.0.0/24', '10.3.0.0/24', '10.1.0.0/29')))).toThrow(expect.objectContaining({ code: 11, message }))
    expect(leases()).toEqual(before)
    expect(fs.existsSync(path.join(directory, 'last_reserved_ip.1'))).toBe(false)
    expect(index()).toContain('c1:eth0')
    expect(addresses(conf(ranges('10.2.0.0/24')))).toEqual(['10.2.0.2'])
  })

  it('finds the last free address of a set that is nearly full', () => {
    const json = conf(ranges('10.1.0.0/24'))
    for (let i = 2; i <= 254; i++) if (i !== 200) goLease(`10.1.0.${i}`, `other${i}\r\neth0`)
    expect(addresses(json)).toEqual(['10.1.0.200'])
    expect(() => add(json, { containerId: 'c2' })).toThrow(expect.objectContaining({ code: 11 }))
  })

  it('gives up with code 11 when the lock is not released', () => {
    add(conf(one))
    const flock = vi.spyOn(sys, 'flock').mockImplementation(() => {
      throw new SysError('flock', EAGAIN)
    })
    try {
      expect(() => add(conf(one), { containerId: 'c2' })).toThrow(
        expect.objectContaining({ code: 11, message: expect.stringContaining(`${directory}/lock`) }),
      )
      expect(flock).toHaveBeenCalledWith(expect.any(Number), 2, 10_000)
    } finally {
      flock.mockRestore()
    }
  })

  it('leaves everything as it was when the disk is full', () => {
    add(conf(one), { containerId: 'c0' })
    const before = { leases: leases(), names: fs.readdirSync(directory).sort(), index: index(), last: read('last_reserved_ip.0') }
    const state = () => ({ leases: leases(), names: fs.readdirSync(directory).sort(), index: index(), last: read('last_reserved_ip.0') })
    failing(
      ENOSPC,
      (call) => call === 'write',
      () => {
        expect(() => add(conf(one))).toThrow(
          expect.objectContaining({ errno: ENOSPC, message: expect.stringContaining(`write ${directory}/`) }),
        )
      },
    )
    expect(state()).toEqual(before)
    failing(
      ENOSPC,
      (call, name) => call === 'open' && name.endsWith('last_reserved_ip.0'),
      () => {
        expect(() => add(conf(one))).toThrow(expect.objectContaining({ errno: ENOSPC }))
      },
    )
    expect(state()).toEqual(before)
    expect(addresses(conf(one))).toEqual(['10.1.0.3'])
  })

  it('works without an index where one cannot be written', () => {
    failing(
      ENOSPC,
      (call, name) => call === 'symlink' || (call === 'mkdir' && name.includes('.owners-')),
      () => {
        expect(addresses(conf(one))).toEqual(['10.1.0.2'])
        expect(addresses(conf(one))).toEqual(['10.1.0.2'])
        del(conf(one))
      },
    )
    expect(leases()).toEqual({})
  })

  it('names the path when the data directory is a file', () => {
    fs.writeFileSync(path.join(dataDir, 'file'), '')
    const json = conf({ ...one, dataDir: `${dataDir}/file/store` })
    expect(() => add(json)).toThrow(
      expect.objectContaining({ name: 'SysError', message: expect.stringContaining(`${dataDir}/file/store`) }),
    )
  })
})

describe('DEL', () => {
  it("removes the attachment's leases and no other", () => {
    const json = conf(ranges('10.1.0.0/24', 'fd00::/64'))
    add(json)
    add(json, { ifname: 'eth1' })
    add(json, { containerId: 'c2' })
    del(json)
    expect(Object.keys(leases())).toEqual(['10.1.0.3', '10.1.0.4', 'fd00::3', 'fd00::4'])
    del(json)
    expect(Object.keys(leases())).toHaveLength(4)
    expect(index()).toEqual(['c1:eth1', 'c2:eth0'])
  })

  it('needs no valid ranges', () => {
    add(conf(one))
    del(conf({ subnet: 'nonsense', ranges: [[{ subnet: '10.0.0.0/32' }]], rangeStart: 'x' }))
    expect(leases()).toEqual({})
  })

  it('makes no directory', () => {
    del(conf(one))
    expect(fs.existsSync(directory)).toBe(false)
  })

  it('removes old records of the container alone, but not where the attachment has its own', () => {
    goLease('10.1.0.4', 'c1')
    goLease('10.1.0.5', 'c1\r\neth0')
    goLease('10.1.0.6', 'c11')
    del(conf(one))
    expect(Object.keys(leases())).toEqual(['10.1.0.4', '10.1.0.6'])
    del(conf(one))
    expect(Object.keys(leases())).toEqual(['10.1.0.6'])
  })

  it('leaves the lease alone when its file was edited to have another owner', () => {
    add(conf(one))
    fs.writeFileSync(path.join(directory, '10.1.0.2'), 'other\r\neth0')
    del(conf(one))
    expect(leases()).toEqual({ '10.1.0.2': 'other\r\neth0' })
    del(conf(one), { containerId: 'other' })
    expect(leases()).toEqual({})
  })

  it('fails and leaves the lease when the file system is read-only, and succeeds when there is nothing to remove', () => {
    add(conf(one))
    failing(
      EROFS,
      (call) => call === 'unlink',
      () => {
        expect(() => del(conf(one))).toThrow(expect.objectContaining({ errno: EROFS }))
        del(conf(one), { containerId: 'unknown' })
      },
    )
    expect(Object.keys(leases())).toEqual(['10.1.0.2'])
    del(conf(one))
    expect(leases()).toEqual({})
  })
})

describe('with the Go plugin on the same files', () => {
  it('respects its leases and releases them', () => {
    goLease('10.1.0.2', 'go\r\neth0')
    goLease('last_reserved_ip.0', '10.1.0.2')
    expect(addresses(conf(one))).toEqual(['10.1.0.3'])
    expect(addresses(conf(one), { containerId: 'go' })).toEqual(['10.1.0.2'])
    goLease('10.1.0.4', 'go2\r\neth0')
    del(conf(one), { containerId: 'go2' })
    del(conf(one), { containerId: 'go' })
    expect(Object.keys(leases())).toEqual(['10.1.0.3'])
  })

  it('notices that it released a lease and gave it to another', () => {
    add(conf(one))
    fs.unlinkSync(path.join(directory, '10.1.0.2'))
    goLease('10.1.0.2', 'go\r\neth0')
    del(conf(one))
    expect(leases()).toEqual({ '10.1.0.2': 'go\r\neth0' })
    expect(index()).toEqual(['go:eth0'])
  })

  it('takes a lease that was cut short for free', () => {
    for (const [i, content] of ['', '\0\0\0\0\0', '\r\n'].entries()) goLease(`10.1.0.${i + 2}`, content)
    expect(addresses(conf(one))).toEqual(['10.1.0.2'])
    expect(leases()).toEqual({ '10.1.0.2': 'c1\r\neth0' })
  })

  it.each(['reserved', 'no owner of any kind', '\xff\xfe\0\x01', 'a/../b\r\neth0', '../../x', '.\r\n.', 'x'.repeat(9000)])(
    'takes a lease of unknown content for taken: %j',
    (content) => {
      goLease('10.1.0.2', content)
      expect(addresses(conf(one))).toEqual(['10.1.0.3'])
      del(conf(one))
      expect(leases()).toEqual({ '10.1.0.2': content })
    },
  )

  it('ignores files that are not leases', () => {
    goLease('10.1.0.2.bak', '')
    goLease('010.1.0.2', '')
    fs.mkdirSync(path.join(directory, '10.1.0.2'))
    fs.mkdirSync(path.join(directory, 'sub'))
    expect(addresses(conf(one))).toEqual(['10.1.0.3'])
    del(conf(one))
    gc(conf(one), { valid: [] })
    expect(fs.readdirSync(directory)).toEqual(expect.arrayContaining(['10.1.0.2.bak', '010.1.0.2', '10.1.0.2', 'sub']))
  })

  it('is not held up by a pipe in the place of a lease', () => {
    fs.mkdirSync(directory)
    const { status: made } = spawnSync('mkfifo', [path.join(directory, '10.1.0.2')])
    expect(made).toBe(0)
    expect(addresses(conf(one), { containerId: 'c9' })).not.toEqual([])
  })

  it('replaces an old last_reserved_ip file by a link to that of the first set', () => {
    goLease('last_reserved_ip', '10.1.0.4')
    add(conf(one))
    expect(read('last_reserved_ip')).toBe('10.1.0.2')
    del(conf(one))
    add(conf(one))
    expect(read('last_reserved_ip')).toBe('10.1.0.3')
  })
})

describe('after a reboot', () => {
  it('the leases of the earlier boot are free, whatever the time is', () => {
    const json = conf(ranges('10.1.0.0/29', 'fd00::/64'))
    add(json)
    add(json, { containerId: 'c2' })
    reboot()
    expect(addresses(json, { containerId: 'c3' })).toEqual(['10.1.0.4', 'fd00::4'])
    expect(leases()).toEqual({ '10.1.0.4': 'c3\r\neth0', 'fd00::4': 'c3\r\neth0' })
    expect(fs.readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([`.owners-${boot}`])
  })

  it("another plugin's leases go when they are older than the boot", () => {
    goLease('10.1.0.2', 'old\r\neth0', bootAge + 3600)
    goLease('10.1.0.3', 'old', bootAge + 3600)
    goLease('10.1.0.4', 'new\r\neth0')
    add(conf(one))
    expect(leases()).toEqual({ '10.1.0.2': 'c1\r\neth0', '10.1.0.4': 'new\r\neth0' })
  })

  it('a lease that another plugin has renewed for another owner stays', () => {
    add(conf(one))
    reboot()
    fs.unlinkSync(path.join(directory, '10.1.0.2'))
    goLease('10.1.0.2', 'new\r\neth0')
    expect(addresses(conf(one))).toEqual(['10.1.0.3'])
    expect(leases()).toEqual({ '10.1.0.2': 'new\r\neth0', '10.1.0.3': 'c1\r\neth0' })
  })

  it('a lease of this boot stays when the clock is set forward later', () => {
    add(conf(one))
    const old = Date.now() / 1000 - bootAge - 3600
    fs.utimesSync(path.join(directory, '10.1.0.2'), old, old)
    goLease('10.1.0.3', 'go\r\neth0')
    add(conf(one), { containerId: 'c2' })
    expect(Object.keys(leases())).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4'])
  })

  it('DEL of an earlier boot’s container succeeds', () => {
    add(conf(one))
    reboot()
    del(conf(one))
    expect(leases()).toEqual({})
  })
})

describe('CHECK', () => {
  const prev = (...cidrs: string[]) => ({ interfaces: [], ips: cidrs.map((cidr) => ({ address: parseCidr(cidr) })), routes: [], dns: {} })
  it('passes when prevResult lists the lease, with addresses of others', () => {
    add(conf(one))
    expect(() => check(conf(one), { prevResult: prev('192.0.2.1/32', '10.1.0.2/29') })).not.toThrow()
  })

  it('passes for an old record of the container alone', () => {
    goLease('10.1.0.2', 'c1')
    expect(() => check(conf(one), { prevResult: prev('10.1.0.2/29') })).not.toThrow()
  })

  it.each([
    {
      what: 'there is no directory',
      prepare: () => {},
      ips: ['10.1.0.2/29'],
      message: 'host-local: Failed to find address added by container c1',
    },
    {
      what: 'another has the lease',
      prepare: () => goLease('10.1.0.2', 'c2\r\neth0'),
      ips: ['10.1.0.2/29'],
      message: 'host-local: Failed to find address added by container c1',
    },
    {
      what: 'prevResult has another address',
      prepare: () => goLease('10.1.0.2', 'c1\r\neth0'),
      ips: ['10.1.0.3/29'],
      message: 'host-local: prevResult lacks the address 10.1.0.2 of container c1',
    },
    {
      what: 'the lease is of no range',
      prepare: () => goLease('10.9.0.2', 'c1\r\neth0'),
      ips: ['10.9.0.2/29'],
      message: 'host-local: container c1 has no address of range set 10.1.0.1-10.1.0.6',
    },
  ])('fails when $what', ({ prepare, ips, message }) => {
    prepare()
    const before = leases()
    expect(() => check(conf(one), { prevResult: prev(...ips) })).toThrow(expect.objectContaining({ message }))
    expect(leases()).toEqual(before)
  })
})

describe('GC', () => {
  const prepare = () => {
    goLease('10.1.0.2', 'a\r\neth0')
    goLease('10.1.0.3', 'a\r\neth1')
    goLease('10.1.0.4', 'b')
    goLease('10.1.0.5', 'd')
    goLease('last_reserved_ip.0', '10.1.0.5')
    goLease('notes', 'a\r\neth0')
    goLease('lock', '')
  }
  it.each([
    { what: 'nothing without a list', valid: undefined, left: ['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5'] },
    { what: 'everything of an empty list', valid: [], left: [] },
    {
      what: 'what is not listed; old records go by the container alone',
      valid: [
        { containerId: 'a', ifname: 'eth1' },
        { containerId: 'b', ifname: 'eth7' },
      ],
      left: ['10.1.0.3', '10.1.0.4'],
    },
    {
      what: 'nothing of a complete list',
      valid: ['a/eth0', 'a/eth1', 'b/eth0', 'd/eth0'].map((text) => ({ containerId: text.slice(0, 1), ifname: text.slice(2) })),
      left: ['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5'],
    },
  ])('removes $what', ({ valid, left }) => {
    prepare()
    gc(conf(one), valid && { valid })
    expect(Object.keys(leases())).toEqual(left)
    expect([read('last_reserved_ip.0'), read('notes'), read('lock')]).toEqual(['10.1.0.5', 'a\r\neth0', ''])
  })

  it('succeeds when the directory does not exist, and does not create it', () => {
    gc(conf(one), { valid: [] })
    expect(fs.existsSync(directory)).toBe(false)
  })

  it('removes what it can and reports what it could not', () => {
    prepare()
    failing(
      EACCES,
      (call, name) => call === 'unlink' && name.endsWith('10.1.0.3'),
      () => {
        expect(() => gc(conf(one), { valid: [] })).toThrow(/10\.1\.0\.3|GC/)
      },
    )
    expect(Object.keys(leases())).toEqual(['10.1.0.3'])
  })
})

describe('STATUS', () => {
  it('is ready with free addresses, before the directory exists and without making it', () => {
    expect(() => status(conf(one))).not.toThrow()
    expect(() => status(conf({ ...one, dataDir: `${dataDir}/not/yet` }))).not.toThrow()
    expect(fs.readdirSync(dataDir)).toEqual([])
    add(conf(one))
    expect(() => status(conf(one))).not.toThrow()
  })

  it('reports an exhausted set with figures', () => {
    for (let i = 2; i <= 6; i++) add(conf(one), { containerId: `c${i}` })
    const details = `5 of 5 addresses are in use, in ${directory}`
    expect(() => status(conf(one))).toThrow(
      expect.objectContaining({ code: 50, message: 'no IP addresses available in range set: 10.1.0.1-10.1.0.6', details }),
    )
    del(conf(one), { containerId: 'c4' })
    expect(() => status(conf(one))).not.toThrow()
  })

  it('is ready with an exhausted set or an unusable directory when `checkStatus` is false', () => {
    const ready = { ...one, checkStatus: false }
    for (let i = 2; i <= 6; i++) add(conf(ready), { containerId: `c${i}` })
    expect(() => status(conf(ready))).not.toThrow()
    expect(() => add(conf(ready), { containerId: 'c7' })).toThrow(expect.objectContaining({ code: 11 }))
    expect(() => status(conf({ ...ready, dataDir: '/proc/self/status' }))).not.toThrow()
    expect(() => status(conf({ ...one, checkStatus: 'yes' }))).toThrow(expect.objectContaining({ code: 7 }))
  })

  it('counts neither leases of an earlier boot nor truncated ones, and does not remove them', () => {
    for (let i = 2; i <= 5; i++) goLease(`10.1.0.${i}`, `old${i}\r\neth0`, bootAge + 3600)
    goLease('10.1.0.6', '')
    const before = fs.readdirSync(directory)
    expect(() => status(conf(one))).not.toThrow()
    expect(fs.readdirSync(directory)).toEqual(before)
  })

  const declared = { capabilities: { ipRanges: true } }
  it.each([
    ['the network declares that the runtime gives them', declared, undefined],
    ['the network declares it and the runtime has other capabilities', { ...declared, runtimeConfig: { mac: '' } }, undefined],
    ['the network declares nothing', {}, /no IP ranges specified/],
    ['the network declares that the runtime does not give them', { capabilities: { ipRanges: false } }, /no IP ranges specified/],
    ['the runtime gives none', { ...declared, runtimeConfig: { ipRanges: [] } }, /no IP ranges specified/],
    ['the runtime gives wrong ones', { ...declared, runtimeConfig: { ipRanges: [[{ subnet: 'bogus' }]] } }, /bogus/],
    ['the declaration is of a wrong type', { capabilities: { ipRanges: 'yes' } }, /problems/],
  ])('without ranges of its own where %s', (_, rest, output) => {
    if (output) expect(() => status(conf({}, rest))).toThrow(output)
    else expect(() => status(conf({}, rest))).not.toThrow()
  })

  it('lets ADD without ranges fail also where they are to come from the runtime', () => {
    expect(() => add(conf({}, declared))).toThrow(/no IP ranges specified/)
  })

  it('fails where the data directory is a file', () => {
    fs.writeFileSync(path.join(dataDir, 'file'), '')
    for (const broken of [`${dataDir}/file`, `${dataDir}/file/below`]) {
      expect(() => status(conf({ ...one, dataDir: broken }))).toThrow(
        expect.objectContaining({ code: 50, message: expect.stringContaining(broken) }),
      )
    }
  })

  it('fails where the file system is read-only', () => {
    failing(
      EROFS,
      (call) => call === 'access',
      () => {
        expect(() => status(conf(one))).toThrow(expect.objectContaining({ code: 50, details: expect.stringContaining('ead-only') }))
      },
    )
  })
})

describe('configuration', () => {
  it('numbers the sets of the runtime first, then the single range, then ranges', () => {
    const json = conf(
      { subnet: '10.2.0.0/24', ranges: [[{ subnet: '10.3.0.0/24' }]] },
      { runtimeConfig: { ipRanges: [[{ subnet: '10.1.0.0/24' }]] } },
    )
    expect(addresses(json)).toEqual(['10.1.0.2', '10.2.0.2', '10.3.0.2'])
  })

  it.each([
    [{}, {}, "IPAM config missing 'ipam' key"],
    [{ ipam: {} }, {}, 'no IP ranges specified'],
    [{ ipam: { ranges: [] } }, {}, 'no IP ranges specified'],
    [{ ipam: { ranges: [[]] } }, {}, 'invalid range set 0: empty range set'],
    [{ ipam: { ranges: [[{ subnet: '10.0.0.0/24' }, { subnet: 'x' }]] } }, {}, 'ipam.ranges[0][1].subnet'],
    [{ ipam: { subnet: '10.0.0.0/24', ranges: [[{ subnet: '10.0.0.0/16' }]] } }, {}, 'range set 0 overlaps with 1'],
    [
      { ipam: { subnet: '10.0.0.0/24' }, runtimeConfig: { ipRanges: [[{ subnet: '10.0.0.0/31' }]] } },
      {},
      'runtimeConfig.ipRanges[0][0].subnet',
    ],
    [{ ipam: { subnet: '10.0.0.0/24' } }, { args: { IP: 'nonsense' } }, 'CNI_ARGS'],
    [{ ipam: { subnet: '10.0.0.0/24' }, args: { cni: { ips: ['nonsense'] } } }, {}, 'args.cni.ips'],
    [{ ipam: { subnet: '10.0.0.0/24' }, runtimeConfig: { ips: ['10.0.0.1', 'x/y'] } }, {}, 'runtimeConfig.ips'],
    [
      { ipam: { ranges: [[{ subnet: '10.0.0.0/24' }], [{ subnet: '10.1.0.0/24' }]] } },
      { cniVersion: '0.2.0' as const },
      'CNI version 0.2.0 does not support more than 1 address per family',
    ],
  ])('rejects %j', (json, given, problem) => {
    expect(() => add(json, given)).toThrow(expect.objectContaining({ code: 7, message: expect.stringContaining(problem) }))
  })

  it('reports every problem at once', () => {
    const json = conf({ subnet: '10.0.0.1/24', ranges: [[{ subnet: '10.1.0.0/24', rangeStart: '10.2.0.1' }], []] })
    const details = expect.stringMatching(/host bits set[\s\S]*RangeStart 10\.2\.0\.1[\s\S]*range set 2: empty/)
    expect(() => add(json)).toThrow(expect.objectContaining({ details }))
  })
})

describe('any sequence of verbs', () => {
  const commands = fc.array(
    fc.record({
      verb: fc.constantFrom('add', 'add', 'del', 'go add', 'go del', 'reboot'),
      containerId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      ifname: fc.constantFrom('eth0', 'eth1'),
    }),
    { maxLength: 30 },
  )
  it('leaves each attachment its own address in the range, and all are free in the end', () => {
    fc.assert(
      fc.property(commands, (sequence) => {
        fs.rmSync(directory, { recursive: true, force: true })
        const json = conf(ranges('10.1.0.0/29'))
        let expected = new Map<string, string>()
        for (const { verb, containerId, ifname } of sequence) {
          const key = `${containerId}\r\n${ifname}`
          const free = [2, 3, 4, 5, 6].map((i) => `10.1.0.${i}`).filter((address) => ![...expected.values()].includes(address))
          const had = expected.get(key)
          // The other plugin knows of no boot: to it the leases of the earlier one stand.
          const unused = free.find((address) => !(address in leases()))
          if (verb === 'del') {
            del(json, { containerId, ifname })
            expected.delete(key)
          } else if (verb === 'go del' && had) {
            fs.unlinkSync(path.join(directory, had))
            expected.delete(key)
          } else if (verb === 'go add' && !had && unused) {
            goLease(unused, key)
            expected.set(key, unused)
          } else if (verb === 'reboot' && fs.existsSync(path.join(directory, `.owners-${boot}`))) {
            del(json, { containerId: 'nobody' })
            reboot()
            expected = new Map()
          } else if (verb === 'add') {
            if (had) expect(addresses(json, { containerId, ifname })).toEqual([had])
            else if (free.length === 0) expect(() => add(json, { containerId, ifname })).toThrow('no IP addresses available')
            else {
              const [address = ''] = addresses(json, { containerId, ifname })
              expect(free).toContain(address)
              expected.set(key, address)
            }
          }
        }
        const standing = leases()
        // What was of the boot before goes with the next verb: until then the files still lie there.
        for (const [key, address] of expected) expect(standing[address]).toBe(key)
        for (const key of expected.keys()) {
          const [containerId = '', ifname = ''] = key.split('\r\n')
          del(json, { containerId, ifname })
        }
        del(json)
        expect(leases()).toEqual({})
      }),
      { numRuns: 150 },
    )
  })
})

describe('a process that is killed', () => {
  const json = conf.bind(undefined, ranges('10.1.0.0/29', 'fd00::/64'))
  it.each(['ADD', 'DEL', 'ADD after a reboot', 'ADD after another plugin'])(
    'during %s leaves no half lease, and DEL finds what it left',
    (what) => {
      for (let k = 1; ; k++) {
        fs.rmSync(directory, { recursive: true, force: true })
        add(json(), { containerId: 'c0' })
        if (what === 'DEL') add(json())
        if (what === 'ADD after a reboot') reboot()
        if (what === 'ADD after another plugin') goLease('10.1.0.6', 'go\r\neth0')
        if (!killedAt(k, () => (what === 'DEL' ? del(json()) : add(json())))) {
          expect(k).toBeGreaterThan(12)
          break
        }
        for (const content of Object.values(leases())) expect(['c0\r\neth0', 'c1\r\neth0', 'go\r\neth0']).toContain(content)
        const [address = ''] = addresses(json(), { containerId: 'c2' })
        expect(Object.entries(leases()).filter(([name]) => name === address)).toEqual([[address, 'c2\r\neth0']])
        del(json())
        del(json(), { containerId: 'c2' })
        expect(Object.values(leases()).filter((content) => content !== 'c0\r\neth0' && content !== 'go\r\neth0')).toEqual([])
        expect(fs.readdirSync(directory)).not.toContain('.lease')
        if (what !== 'ADD after a reboot') expect(Object.keys(leases())).toEqual(expect.arrayContaining(['10.1.0.2', 'fd00::2']))
        else expect(leases()).toEqual({})
      }
    },
  )
})

describe('cost', () => {
  const json = () => conf(ranges('10.1.0.0/16'))
  const countOf = (body: () => unknown) => callsOf(() => void body()).length
  it('does not grow with the leases', () => {
    const measure = () => {
      const added = countOf(() => add(json(), { containerId: 'measured' }))
      const repeated = countOf(() => add(json(), { containerId: 'measured' }))
      const unknown = countOf(() => del(json(), { containerId: 'unknown' }))
      const removed = countOf(() => del(json(), { containerId: 'measured' }))
      return { added, repeated, unknown, removed }
    }
    add(json(), { containerId: 'first' })
    const few = measure()
    for (let i = 0; i < 500; i++) add(json(), { containerId: `c${i}` })
    expect(measure()).toEqual(few)
    expect(few.added).toBeLessThanOrEqual(22)
    expect(few.repeated).toBeLessThanOrEqual(14)
    expect(few.unknown).toBeLessThanOrEqual(10)
    expect(few.removed).toBeLessThanOrEqual(14)
  })
})
