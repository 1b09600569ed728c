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
    // Never asked for, so never wrong: the Go plugins do not look either.
    [{ ipMasq: false, ipMasqBackend: 'ebpf' }, false],
  ])('of %j is a masquerade: %s', (config, wanted) => {
    const reader = new Reader(config)
    expect(readMasquerade(reader) !== undefined).toBe(wanted)
    expect(reader.issues).toEqual([])
  })

  it.each(['ebpf', 'iptables ', 'toString', '__proto__'])('of backend %j is a problem', (backend) => {
    const reader = new Reader({ ipMasq: true, ipMasqBackend: backend })
    readMasquerade(reader)
    expect(reader.issues).toEqual([`ipMasqBackend: unknown ipmasq backend ${JSON.stringify(backend)}`])
  })
})
