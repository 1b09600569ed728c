import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../net/address.ts'
import { decodeEntry, decodeTarget, type Entry, encodeEntry, entriesFor, place } from './entry.ts'
import { ownerComment, ownerIn, ownerKey } from './owner.ts'

const attachment = { network: 'net', containerId: 'c1', ifname: 'eth0' }

describe('entries', () => {
  it.each<[string, Entry]>([
    ['a port of IPv4', { family: 4, address: undefined, protocol: 'tcp', port: 8080 }],
    ['a port of IPv6', { family: 6, address: undefined, protocol: 'sctp', port: 65535 }],
    ['a port of one address', { family: 4, address: parseAddress('192.0.2.1'), protocol: 'udp', port: 1 }],
    ['a port of one IPv6 address', { family: 6, address: parseAddress('fd00::1'), protocol: 'tcp', port: 256 }],
    ['a link', { device: 'veth12345678', address: parseAddress('10.1.0.2') }],
    ['a link with the longest name', { device: 'abcdefghijklmno', address: parseAddress('fd00::2') }],
  ])('are decoded as they were encoded when the entry is %s', (_, entry) => {
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry)
  })

  it.each([0, 1, 39, 41, 64])('are undefined when the data has %i bytes', (length) => {
    expect(decodeEntry(new Uint8Array(length))).toBeUndefined()
  })

  it('are undefined when the protocol is unknown', () => {
    expect(decodeEntry(new Uint8Array(40))).toBeUndefined()
  })

  it('are one for each family, and one for the link, when the port is on it', () => {
    const targets = [
      { address: parseAddress('10.1.0.2'), device: 'va' },
      { address: parseAddress('fd01::2'), device: 'va' },
    ]
    const port = { protocol: 'tcp', hostPort: 8080, containerPort: 80 } as const
    const sets = (hostIP?: string) =>
      entriesFor([{ ...port, ...(hostIP && { hostIP: parseAddress(hostIP) }) }], targets).map(({ set }) => set)
    expect(sets()).toEqual(['hostports4', 'hostports4_links', 'hostports6', 'hostports6_links'])
    expect(sets('192.0.2.1')).toEqual(['hostports4_address', 'hostports4_links'])
    expect(sets('fd02::1')).toEqual(['hostports6_address', 'hostports6_links'])
  })

  it('have the keys of the rules’ lookups when placed', () => {
    const port = { family: 4, protocol: 'tcp', port: 8080 } as const
    expect([...place({ ...port, address: undefined }).element.key]).toEqual([6, 0, 0, 0, 0x1f, 0x90, 0, 0])
    expect([...place({ ...port, address: parseAddress('192.0.2.1') }).element.key]).toEqual([192, 0, 2, 1, 6, 0, 0, 0, 0x1f, 0x90, 0, 0])
  })
})

describe('decodeTarget()', () => {
  it.each([0, 3, 4, 7, 9, 16, 24])('is undefined when there are %i bytes', (length) => {
    expect(decodeTarget(new Uint8Array(length))).toBeUndefined()
  })
})

describe('the owner', () => {
  it('is in the comment when the element is made', () => {
    expect(ownerIn(ownerComment(attachment, 'shop/web'))).toBe('shop/web')
  })

  it.each([['a b"c\\d\n\u007f'], ['x" : 10.0.0.1 . 22 }; flush ruleset']])('is one plain word when it is %j', (owner) => {
    const comment = ownerComment(attachment, owner)
    expect(ownerIn(comment)).toHaveLength(owner.length)
    expect(comment.split(' ')).toHaveLength(3)
    expect([...comment].some((char) => char < ' ' || '"\\'.includes(char))).toBe(false)
  })

  it.each([
    ['', 'an unknown owner'],
    ['something else', 'an unknown owner'],
  ])('has a name when the comment is %j', (comment, owner) => {
    expect(ownerIn(comment)).toBe(owner)
  })

  it('has another key when the number differs', () => {
    const hash = '0123456789abcdef-fedcba9876543210'
    expect(Buffer.from(ownerKey(hash, 258)).toString('hex')).toBe('0123456789abcdeffedcba987654321001020000')
  })
})
