import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { loadCredentials } from './credentials.ts'

const dir = mkdtempSync(join(tmpdir(), 'podwire-kubeconfig-'))
afterAll(() => rmSync(dir, { recursive: true }))

const options = { host: '', port: 0, pageSize: 500, idleTimeout: 150 }

function kubeconfig(server: string): string {
  const path = join(dir, 'config')
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  writeFileSync(path, JSON.stringify(content))
  return path
}

describe('the address of the API server', () => {
  it.each([
    ['as the kubeconfig has it', { host: '', port: 0 }, 'https://10.96.0.1:443'],
    ['with another host', { host: '192.0.2.7', port: 0 }, 'https://192.0.2.7/'],
    ['with another port', { host: '', port: 6443 }, 'https://10.96.0.1:6443/'],
    ['with an IPv6 host', { host: 'fd00::7', port: 6443 }, 'https://[fd00::7]:6443/'],
    ['with a name', { host: 'api.example.com', port: 6443 }, 'https://api.example.com:6443/'],
  ])('is %s', (_, over, expected) => {
    const config = loadCredentials({ ...options, ...over, kubeconfig: kubeconfig('https://10.96.0.1:443') })
    expect(config.getCurrentCluster()?.server).toBe(expected)
  })

  it('is an error when nothing names it', () => {
    vi.stubEnv('KUBECONFIG', '')
    expect(() => loadCredentials({ ...options, kubeconfig: '' })).toThrow('no address of the API server')
    expect(() => loadCredentials({ ...options, kubeconfig: join(dir, 'absent') })).toThrow('absent')
    vi.unstubAllEnvs()
  })
})
