import { describe, expect, it } from 'vitest'
import { formatOwner, ownerKey, parseOwner } from './lease.ts'

describe('parseOwner', () => {
  it.each([
    ['c1\r\neth0', { containerId: 'c1', ifname: 'eth0' }],
    ['  c1\r\neth0\n', { containerId: 'c1', ifname: 'eth0' }],
    ['c1', { containerId: 'c1' }],
    ['c1\r\n', { containerId: 'c1' }],
    ['', undefined],
    ['\r\n \t', undefined],
    ['\0\0\0\0', undefined],
    ['two\nlines', { containerId: 'two\nlines' }],
  ])('reads %j', (text, expected) => {
    expect(parseOwner(text)).toEqual(expected)
  })

  it.each([{ containerId: 'c1', ifname: 'eth0' }, { containerId: 'c1' }])('reads what formatOwner wrote of %j', (owner) => {
    expect(parseOwner(formatOwner(owner))).toEqual(owner)
  })
})

describe('ownerKey', () => {
  it('is readable where the owner is', () => {
    expect(ownerKey({ containerId: 'abc.1', ifname: 'eth0' })).toBe('abc.1:eth0')
    expect(ownerKey({ containerId: 'abc.1' })).toBe('abc.1')
  })

  it.each(['../../etc', 'a/b', '.', '..', 'a\0b', 'x'.repeat(300), 'a b', 'ü', 'a\nb'])('is a safe file name for %j', (containerId) => {
    const key = ownerKey({ containerId, ifname: 'eth0' })
    expect(key.startsWith('sha512:')).toBe(true)
    expect(key.length).toBeLessThan(200)
    expect(key).not.toContain('/')
    expect(key).not.toBe(ownerKey({ containerId: `${containerId}x`, ifname: 'eth0' }))
  })
})
