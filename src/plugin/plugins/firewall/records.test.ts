import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../../../net/address.ts'
import { addressesOf, forgetAddresses, recordAddresses, staleAddresses, unclaimed } from './records.ts'

const a = { network: 'net', containerId: 'a', ifname: 'eth0' }
const b = { ...a, containerId: 'b' }
const [one, six] = [parseAddress('10.1.0.2'), parseAddress('fd00::2')]
const texts = (addresses: readonly Parameters<typeof formatAddress>[0][]) => addresses.map(formatAddress).sort()

let dir = ''
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'podwire-records-')), 'firewall')
})
afterEach(() => rmSync(join(dir, '..'), { recursive: true }))

describe('records', () => {
  it('have the last owner when an address had several', () => {
    recordAddresses(dir, a, [one, six])
    expect([texts(addressesOf(dir, a)), texts(addressesOf(dir, b))]).toEqual([['10.1.0.2', 'fd00::2'], []])
    recordAddresses(dir, b, [one])
    expect([texts(unclaimed(dir, a, [one, six])), texts(unclaimed(dir, b, [one, six]))]).toEqual([['fd00::2'], ['10.1.0.2']])
    forgetAddresses(dir, [one, six])
    forgetAddresses(dir, [one, six])
    expect(readdirSync(dir)).toEqual([])
  })

  it('are out of date when another attachment of the network has the address on its interface', () => {
    recordAddresses(dir, a, [one])
    recordAddresses(dir, { ...a, network: 'other' }, [six])
    expect(texts(unclaimed(dir, b, [one, six], () => [one, six]))).toEqual(['10.1.0.2'])
    expect(texts(unclaimed(dir, b, [one, six], () => [six]))).toEqual([])
  })

  it('are stale when the attachment of that network is not valid', () => {
    recordAddresses(dir, a, [one])
    recordAddresses(dir, { ...b, ifname: 'net1' }, [six])
    expect(
      texts(
        staleAddresses(dir, 'net', [
          { containerId: 'a', ifname: 'eth0' },
          { containerId: 'b', ifname: 'eth0' },
        ]),
      ),
    ).toEqual(['fd00::2'])
    expect(staleAddresses(dir, 'other', [])).toEqual([])
  })

  it.each(['', 'null', '{', '"a"', '[]'])('leave a file unchanged when it has %j', (text) => {
    recordAddresses(dir, a, [one])
    writeFileSync(join(dir, '10.1.0.3'), text)
    writeFileSync(join(dir, 'lock'), text)
    expect(texts(staleAddresses(dir, 'net', []))).toEqual(['10.1.0.2'])
  })

  it('are empty when there is no folder', () => {
    expect([addressesOf(dir, a), texts(unclaimed(dir, a, [one])), staleAddresses(dir, 'net', [])]).toEqual([[], ['10.1.0.2'], []])
  })
})
