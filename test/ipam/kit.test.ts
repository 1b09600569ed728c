// The kit for servers, against the example server on both transports. Against the agent's: agent-server.test.ts.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runKit, startExample } from '../harness/ipam-service.ts'

const dir = mkdtempSync(join(tmpdir(), 'podwire-kit-'))
afterAll(() => rmSync(dir, { recursive: true }))

describe('the kit for IPAM servers', () => {
  it.each([`unix://${dir}/ipam.sock`, 'http://127.0.0.1:19467'])('passes whole against the example server at %s', async (address) => {
    const service = await startExample(address, '10.9.0.0/25')
    const { status, stdout } = await runKit(address)
    await service.kill()
    expect({ status, failed: stdout.split('\n').filter((line) => !line.startsWith('ok ')) }).toEqual({
      status: 0,
      failed: [expect.stringMatching(/^\d+ passed, 0 failed$/), ''],
    })
  })

  it('fails, case by case, against a server that gives every pod one address', async () => {
    const answer = JSON.stringify({ version: 1, ips: [{ address: '10.9.0.2/24' }] })
    const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(answer)).listen(
      join(dir, 'one.sock'),
    )
    const { status, stdout } = await runKit(`unix://${dir}/one.sock`)
    server.close()
    expect(status).toBe(1)
    expect(stdout).toContain(
      'FAIL  20 allocations at once, each of them twice, give no address to two: different addresses: expected 20, got 1',
    )
    expect(stdout).toMatch(/\n\d+ passed, \d\d failed, 1 skipped\n$/)
  })

  it('reports an address that it cannot use', async () => {
    expect(await runKit('ipam.sock')).toMatchObject({ status: 2 })
    expect(await new Promise((done) => execFile('make', ['-n', 'ipam-kit', 'ADDRESS=unix:///x'], (error) => done(error)))).toBeNull()
  })
})
