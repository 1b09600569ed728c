import { describe, expect, it } from 'vitest'
import { Reader } from '../../cni/reader.ts'
import { readMasquerade } from './index.ts'

describe('readMasquerade()', () => {
  it.each([
    [{}, false],
    [{ ipMasq: false, ipMasqBackend: 'nftables' }, false],
    [{ ipMasq: true }, true],
    [{ ipMasq: true, ipMasqBackend: '' }, true],
    [{ ipmasq: true, IPMASQBACKEND: 'iptables' }, true],
    [{ ipMasq: true, ipMasqBackend: 'nftables' }, true],
    // Not used, so not checked: neither do the Go plugins.
    [{ ipMasq: false, ipMasqBackend: 'ebpf' }, false],
  ])('enables masquerade when the configuration is %j: %s', (config, wanted) => {
    const reader = new Reader(config)
    expect(readMasquerade(reader) !== undefined).toBe(wanted)
    expect(reader.issues).toEqual([])
  })

  it.each(['ebpf', 'iptables ', 'toString', '__proto__'])('reports a problem when the backend is %j', (backend) => {
    const reader = new Reader({ ipMasq: true, ipMasqBackend: backend })
    readMasquerade(reader)
    expect(reader.issues).toEqual([`ipMasqBackend: unknown ipmasq backend ${JSON.stringify(backend)}`])
  })
})
