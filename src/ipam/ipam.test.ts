import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Given, requestFor } from '../../test/harness/ipam.ts'
import type { Json } from '../cni/json.ts'
import type { ConfigContext } from '../cni/plugin.ts'
import type { Reader } from '../cni/reader.ts'
import { formatCidr } from '../net/cidr.ts'
import { readIpam } from './ipam.ts'

let dataDir: string
beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'ipam-'))
})
afterEach(() => fs.rmSync(dataDir, { recursive: true, force: true }))

/** A plugin that attaches, as far as IPAM is concerned. */
const request = (json: Json, given: Given = {}) => {
  const read = (reader: Reader, context: ConfigContext) => {
    const ipam = readIpam(reader, context)
    if (!ipam) throw new Error('no ipam.type')
    return { ipam }
  }
  return requestFor(read, json, given)
}

describe('readIpam', () => {
  it('gives host-local without a second process, with its files', () => {
    const json = { ipam: { type: 'host-local', dataDir, subnet: '10.1.0.0/24' } }
    const adding = request(json)
    expect(adding.config.ipam.add(adding).ips.map(({ address }) => formatCidr(address))).toEqual(['10.1.0.2/24'])
    expect(fs.readFileSync(path.join(dataDir, 'net', '10.1.0.2'), 'utf8')).toBe('c1\r\neth0')
    expect(() => adding.config.ipam.status(adding)).not.toThrow()
    expect(() => adding.config.ipam.check(adding)).not.toThrow()
    const collecting = request(json, { command: 'GC', valid: [{ containerId: 'c1', ifname: 'eth0' }] })
    collecting.config.ipam.gc(collecting)
    expect(fs.existsSync(path.join(dataDir, 'net', '10.1.0.2'))).toBe(true)
    const deleting = request(json, { command: 'DEL' })
    deleting.config.ipam.del(deleting)
    expect(fs.existsSync(path.join(dataDir, 'net', '10.1.0.2'))).toBe(false)
  })

  it('gives static', () => {
    const adding = request({ ipam: { type: 'static', addresses: [{ address: '10.1.0.9/24' }] } })
    expect(adding.config.ipam.add(adding).ips.map(({ address }) => formatCidr(address))).toEqual(['10.1.0.9/24'])
  })

  it("reports an integrated one's problems with the caller's", () => {
    expect(() => request({ ipam: { type: 'host-local', subnet: '10.1.0.0/31' } })).toThrow(
      expect.objectContaining({ code: 7, message: expect.stringContaining('ipam.subnet') }),
    )
  })

  it('calls the plugin of that name when the type is another', () => {
    const adding = request({ ipam: { type: 'another' } })
    for (const verb of ['add', 'del', 'check', 'gc', 'status'] as const) {
      expect(() => adding.config.ipam[verb](adding)).toThrow(/another/)
    }
  })
})
