// A service that is wrong about anything: each answer gives an error that names it, in time, and what may have been allocated is released.

import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { callRpc, jsonResponse, startPeer } from '../harness/ipam-service.ts'

const dir = mkdtempSync(join(tmpdir(), 'podwire-rpc-'))
afterAll(() => rmSync(dir, { recursive: true }))

const lease = (address: string, more: object = {}) => jsonResponse({ version: 1, ips: [{ address, ...more }] })
const endless = (socket: Socket, text: string) => {
  const more = () => {
    while (!socket.destroyed && socket.write(text));
  }
  socket.on('drain', more)
  more()
}

/** What the peer sends, the code and the words of the error. */
const answers: readonly [string, string | ((socket: Socket) => void), number, string][] = [
  ['another version', jsonResponse({ version: 2, ips: [] }), 6, 'has version 2, expected 1'],
  ['no version', jsonResponse({ ips: [] }), 6, 'has version nothing, expected 1'],
  ['torn JSON', jsonResponse('{"version":1,"ips":[{"addr'), 6, 'is not JSON: line 1, column 27: it ends early'],
  ['a list', jsonResponse([]), 6, 'is not a JSON object: "[]"'],
  ['no address', jsonResponse({ version: 1 }), 6, 'ips: is empty'],
  ['an address that is not one', lease('10.1.0.300/24'), 6, 'ips[0].address: expected CIDR notation'],
  ['an address without a length', lease('10.1.0.3'), 6, 'ips[0].address: expected CIDR notation'],
  ['a multicast address', lease('224.0.0.5/24'), 6, 'not an address that a pod can have'],
  ['the network address', lease('10.1.0.0/24'), 6, 'is the network address of its subnet'],
  ['a gateway of the other family', lease('10.1.0.3/24', { gateway: 'fd00::1' }), 6, 'ips[0].gateway: fd00::1 is an IPv6 address'],
  ["the pod's own address as gateway", lease('10.1.0.3/24', { gateway: '10.1.0.3' }), 6, "the pod's own address"],
  [
    'one address twice',
    jsonResponse({ version: 1, ips: [{ address: '10.1.0.3/24' }, { address: '10.1.0.3/24' }] }),
    6,
    '10.1.0.3 is listed twice',
  ],
  ['something other than HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 6, 'expected the status line'],
  ['a header that is none', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n', 6, 'expected a header'],
  ['no length', 'HTTP/1.1 200 OK\r\n\r\n{}', 6, 'neither Content-Length'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n', 6, 'expected a number as Content-Length'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', 6, 'two different'],
  ['a long body', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n', 6, 'over 262144 bytes'],
  ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 6, 'the size of a chunk'],
  [
    'endless chunks',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      endless(socket, `1000\r\n${'x'.repeat(4096)}\r\n`)
    },
    6,
    'over 262144 bytes',
  ],
  ['an endless header', (socket) => endless(socket, 'x'.repeat(4096)), 6, 'over 16 KiB'],
  ['half an answer', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"ver'), 11, 'ended before the answer did'],
  ['nothing, and closes', (socket) => socket.end(), 11, 'ended before the answer did'],
  ['nothing at all', () => {}, 11, 'receive: Operation timed out'],
  ['503 of a proxy', jsonResponse('<html>no upstream</html>', 503), 11, 'status 503: <html>no upstream</html>'],
  ['404 of another server', jsonResponse('no such page', 404), 6, 'with status 404 is not a JSON object'],
  ['an error that the protocol does not have', jsonResponse({ version: 1, error: { code: 'odd', message: 'why' } }, 418), 999, 'why'],
  ['an exhausted pool', jsonResponse({ version: 1, error: { code: 'exhausted', message: 'full' } }, 409), 11, 'full'],
  ['an invalid request', jsonResponse({ version: 1, error: { code: 'invalid', message: 'no pool x' } }, 400), 7, 'no pool x'],
]

describe('IPAM by a service', () => {
  it.each(answers)('ADD fails with a code and the reason when the service answers %s', async (title, answer, code, words) => {
    const path = join(dir, 'peer.sock')
    const spoolDir = join(dir, title.replaceAll(' ', '-'))
    const calls: string[] = []
    const peer = await startPeer(path, (socket, request) => {
      calls.push(request.split(' ')[1] ?? '')
      if (request.startsWith('POST /v1/release')) socket.end(jsonResponse({ version: 1 }))
      else if (typeof answer === 'string') socket.end(answer)
      else answer(socket)
    })
    try {
      const { status, json, seconds } = await callRpc('ADD', 'c1', { address: `unix://${path}`, timeoutMs: 1500, spoolDir })
      expect({ status, code: json.code, msg: `${json.msg} ${json.details ?? ''}` }).toEqual({
        status: 1,
        code,
        msg: expect.stringContaining(words),
      })
      expect(json.msg).toContain(`unix://${path}`)
      expect(seconds).toBeLessThan(10)
      // By an error of the protocol the service has said that it did nothing.
      const isSure = ['an exhausted pool', 'an invalid request'].includes(title)
      expect(calls.includes('/v1/release')).toBe(!isSure)
    } finally {
      peer.close()
    }
  })

  it('STATUS fails with code 50 in two seconds when the service does not answer', async () => {
    const path = join(dir, 'silent.sock')
    const peer = await startPeer(path, () => {})
    const { json, seconds } = await callRpc('STATUS', 'c1', { address: `unix://${path}` })
    expect((await callRpc('STATUS', 'c1', { address: `unix://${path}`, checkStatus: false })).status).toBe(0)
    peer.close()
    expect(json).toMatchObject({ code: 50, msg: expect.stringContaining('request the status of network net') })
    expect(seconds).toBeLessThan(8)
  })

  it.each([
    ['http://ipam.example:80', 'names are not resolved'],
    ['http://10.0.0.1', 'with a port from 1 to 65535'],
    ['http://10.0.0.1:0', 'with a port from 1 to 65535'],
    ['http://fd00::1:80', 'IPv6 in brackets'],
    ['https://10.0.0.1:80', 'expected unix:///PATH or http://IP:PORT'],
    ['unix://run/x', 'three slashes'],
    [`unix:///${'x'.repeat(107)}`, '107 bytes at most'],
    ['', 'is missing'],
    [5, 'expected a string'],
  ])('the address %s is rejected with its path', async (address, words) => {
    const { json } = await callRpc('ADD', 'c1', { address })
    expect(json).toMatchObject({ code: 7, msg: expect.stringContaining('ipam.address: ') })
    expect(json.msg).toContain(words)
    expect((await callRpc('DEL', 'c1', { address })).status).toBe(0)
  })
})
