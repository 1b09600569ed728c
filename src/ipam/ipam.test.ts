import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Given, requestFor } from '../../test/harness/ipam.ts'
import type { Json } from '../cni/json.ts'
import type { ConfigContext } from '../cni/plugin.ts'
import type { Reader } from '../cni/reader.ts'
import { formatCidr } from '../net/cidr.ts'
import { selectIpam } from './ipam.ts'

let dataDir: string
beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'ipam-'))
})
afterEach(() => fs.rmSync(dataDir, { recursive: true, force: true }))

/** A plugin that attaches, as far as IPAM is concerned. */
const request = (type: string, json: Json, given: Given = {}) =>
  requestFor((reader: Reader, context: ConfigContext) => ({ ipam: selectIpam(type, reader, context) }), json, given)

describe('selectIpam', () => {
  it('gives host-local without a second process, with its files', () => {
    const json = { ipam: { type: 'host-local', dataDir, subnet: '10.1.0.0/24' } }
    const adding = request('host-local', json)
    expect(adding.config.ipam.add(adding).ips.map(({ address }) => formatCidr(address))).toEqual(['10.1.0.2/24'])
    expect(fs.readFileSync(path.join(dataDir, 'net', '10.1.0.2'), 'utf8')).toBe('c1\r\neth0')
    expect(() => adding.config.ipam.status(adding)).not.toThrow()
    expect(() => adding.config.ipam.check(adding)).not.toThrow()
    const collecting = request('host-local', json, { command: 'GC', valid: [{ containerId: 'c1', ifname: 'eth0' }] })
    collecting.config.ipam.gc(collecting)
    expect(fs.existsSync(path.join(dataDir, 'net', '10.1.0.2'))).toBe(true)
    const deleting = request('host-local', json, { command: 'DEL' })
    deleting.config.ipam.del(deleting)
    expect(fs.existsSync(path.join(dataDir, 'net', '10.1.0.2'))).toBe(false)
  })

  it('gives static', () => {
    const adding = request('static', { ipam: { type: 'static', addresses: [{ address: '10.1.0.9/24' }] } })
    expect(adding.config.ipam.add(adding).ips.map(({ address }) => formatCidr(address))).toEqual(['10.1.0.9/24'])
  })

  it("reports an integrated one's problems with the caller's", () => {
    expect(() => request('host-local', { ipam: { subnet: '10.1.0.0/31' } })).toThrow(
      expect.objectContaining({ code: 7, message: expect.stringContaining('ipam.subnet') }),
    )
  })

  it('hands every other type to the plugin of that name', () => {
    const adding = request('dhcp-of-somebody', { ipam: { type: 'dhcp-of-somebody' } })
    for (const verb of ['add', 'del', 'check', 'gc', 'status'] as const) {
      expect(() => adding.config.ipam[verb](adding)).toThrow(/dhcp-of-somebody/)
    }
  })
})
