import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from './address.ts'
import { formatMac, isUnicastMac, linkLocal, macFromIPv4, parseMac } from './mac.ts'

describe('parseMac()', () => {
  it.each(['0a:58:0a:0f:14:02', '0A-58-0A-0F-14-02'])('reads %s', (text) => {
    expect(formatMac(parseMac(text))).toBe('0a:58:0a:0f:14:02')
  })

  it.each([
    '',
    '0a:58:0a:0f:14',
    '0a:58:0a:0f:14:02:03',
    'a:58:0a:0f:14:02',
    '0g:58:0a:0f:14:02',
    '0a58.0a0f.1402',
    '0a:58-0a:0f:14:02',
    '+1:58:0a:0f:14:02',
  ])('rejects %j', (text) => {
    expect(() => parseMac(text)).toThrow(SyntaxError)
  })
})

it('isUnicastMac() is false for group addresses and for zero', () => {
  const macs = ['0a:58:0a:0f:14:02', '01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00']
  expect(macs.map((text) => isUnicastMac(parseMac(text)))).toEqual([true, false, false, false])
})

it('macFromIPv4() is 0a:58 and the address', () => {
  expect(formatMac(macFromIPv4(parseAddress('10.15.20.2')))).toBe('0a:58:0a:0f:14:02')
})

it('linkLocal() is fe80:: and the MAC with its universal bit turned and fffe in it', () => {
  expect(formatAddress(linkLocal(parseMac('0a:58:0a:01:00:01')))).toBe('fe80::858:aff:fe01:1')
})
