import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeBase64, encodeBase64 } from '../cni/base64.ts'
import { deleteResult, type RuntimeAttachment, savedAttachments, savedResult, saveResult } from './cache.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-cache-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const attachment: RuntimeAttachment = {
  network: 'net',
  containerId: 'c1',
  ifname: 'eth0',
  netns: '/run/netns/a',
  args: [['IP', '10.1.0.9']],
  capabilityArgs: { mac: '02:00:00:00:00:01' },
}
const result = { cniVersion: '1.0.0', ips: [{ address: '10.1.0.9/24' }] }
const put = (name: string, content: unknown) => {
  mkdirSync(join(dir, 'results'), { recursive: true })
  writeFileSync(join(dir, 'results', name), typeof content === 'string' ? content : JSON.stringify(content))
}

describe('a saved result', () => {
  it('is where libcni saves it, in its format, for root alone', () => {
    saveResult(dir, attachment, '{"name":"net"}', result)
    const file = join(dir, 'results/net-c1-eth0')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      kind: 'cniCacheV1',
      containerId: 'c1',
      config: 'eyJuYW1lIjoibmV0In0=',
      ifName: 'eth0',
      networkName: 'net',
      netns: '/run/netns/a',
      cniArgs: [['IP', '10.1.0.9']],
      capabilityArgs: { mac: '02:00:00:00:00:01' },
      result,
    })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(dir, 'results')).mode & 0o777).toBe(0o700)
  })

  it('is read with all that DEL needs, and can be deleted twice', () => {
    saveResult(dir, attachment, 'ü', result)
    expect(savedResult(dir, attachment)).toEqual(result)
    expect(savedAttachments(dir, 'net')).toEqual([{ ...attachment, config: 'ü', result }])
    for (const _time of ['once', 'again']) deleteResult(dir, attachment)
    expect(savedResult(dir, attachment)).toBeUndefined()
    expect(readdirSync(join(dir, 'results'))).toEqual([])
  })

  it('is also read when an old runtime saved it alone', () => {
    put('net-c1-eth0', result)
    expect(savedResult(dir, attachment)).toEqual(result)
    // Whose it is, it does not say.
    expect(savedAttachments(dir, 'net')).toEqual([])
  })

  it('is an error where it cannot be read', () => {
    put('net-c1-eth0', '{')
    expect(() => savedResult(dir, attachment)).toThrow('is not JSON')
  })
})

it.each([
  ['no JSON', 'net-c2-eth0', '{'],
  ['another kind', 'net-c2-eth0', { kind: 'x', networkName: 'net', containerId: 'c2', ifName: 'eth0' }],
  ['another network', 'other-c2-eth0', { kind: 'cniCacheV1', networkName: 'other', containerId: 'c2', ifName: 'eth0' }],
  ['a name that is not its own', 'a', { kind: 'cniCacheV1', networkName: 'net', containerId: '../../x', ifName: 'eth0' }],
  ['no base 64', 'net-c2-eth0', { kind: 'cniCacheV1', networkName: 'net', containerId: 'c2', ifName: 'eth0', config: '*' }],
])('the list of attachments passes over a file with %s', (_, name, content) => {
  put(name, content)
  saveResult(dir, attachment, '', result)
  expect(savedAttachments(dir, 'net').map(({ containerId }) => containerId)).toEqual(['c1'])
})

it.each(['', 'f', 'fo', 'foo', 'foob', 'größe', '\u0000\uffff😀'])('base 64 of %j is as everybody writes it', (text) => {
  const encoded = Buffer.from(text).toString('base64')
  expect(encodeBase64(text)).toBe(encoded)
  expect(decodeBase64(encoded)).toBe(text)
})

it.each(['a', 'ab', 'abc', 'a===', 'ab*=', 'abcde', '====', 'a b='])('%j is not base 64', (text) => {
  expect(() => decodeBase64(text)).toThrow('expected base 64')
})
