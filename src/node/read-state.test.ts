import { describe, expect, it } from 'vitest'
import { CniError } from '../cni/error.ts'
import { parseNodeState } from './read-state.ts'

const good = {
  protocol: 1,
  node: { name: 'a', addresses: ['192.168.0.1', 'fd01::1'], podCidrs: ['10.1.1.0/24', 'fd00:1::/64'] },
  peers: [{ name: 'b', addresses: ['192.168.0.2'], podCidrs: ['10.1.2.0/24'] }],
  routing: { mode: 'vxlan', device: 'eth0', vni: 7, port: 4789 },
  mtu: 1400,
  masquerade: { enabled: false, exempt: ['192.0.2.0/24'], randomFully: false },
  forwardAccept: true,
}

const read = (change: Record<string, unknown>) => parseNodeState(JSON.stringify({ ...good, ...change }))

/** The whole error. */
function complaint(text: string): string {
  try {
    parseNodeState(text)
    return 'none'
  } catch (error) {
    return error instanceof CniError ? `${error.message}\n${error.details}` : String(error)
  }
}

describe('parseNodeState()', () => {
  it('gives addresses and subnets as values', () => {
    expect(read({})).toEqual({
      node: {
        name: 'a',
        addresses: ['c0a80001', 'fd010000000000000000000000000001'],
        podCidrs: [
          { first: '0a010100', length: 24 },
          { first: 'fd000001000000000000000000000000', length: 64 },
        ],
      },
      peers: [{ name: 'b', addresses: ['c0a80002'], podCidrs: [{ first: '0a010200', length: 24 }] }],
      routing: good.routing,
      mtu: 1400,
      masquerade: { enabled: false, exempt: [{ first: 'c0000200', length: 24 }], randomFully: false },
      forwardAccept: true,
    })
  })

  it('has a default for all but the node', () => {
    const { protocol, node } = good
    expect(parseNodeState(JSON.stringify({ protocol, node }))).toMatchObject({
      peers: [],
      routing: { mode: 'auto', device: '', vni: 1, port: 8472 },
      mtu: 0,
      masquerade: { enabled: true, exempt: [], randomFully: true },
      forwardAccept: false,
    })
  })

  it.each([
    ['', 'the node state is not JSON: it is empty'],
    ['{', 'the node state is not JSON: line 1'],
    ['[]', 'expected an object'],
    ['{}', 'expected protocol 1, got nothing'],
    ['{"protocol":2}', 'expected protocol 1, got 2'],
  ])('rejects %j', (text, message) => {
    expect(complaint(text)).toContain(message)
  })

  it.each<[Record<string, unknown>, string]>([
    [{ node: null }, 'node: expected an object, got null'],
    [{ node: { ...good.node, name: '' } }, 'node.name: expected'],
    [{ node: { ...good.node, podCidrs: [] } }, 'node.podCidrs: expected at least one'],
    [{ node: { ...good.node, addresses: ['x'] } }, 'node.addresses[0]: expected an IP address, got "x"'],
    [{ peers: {} }, 'peers: expected a list'],
    [{ peers: [1] }, 'peers[0]: expected an object, got 1'],
    [{ peers: [{ name: 'b', addresses: 'x' }] }, 'peers[0].addresses: expected a list'],
    [{ peers: [{ name: 'b', podCidrs: ['10.1.2.1/24'] }] }, 'peers[0].podCidrs[0]: expected a subnet'],
    [{ peers: [{ name: 'b', podCidrs: [7] }] }, 'peers[0].podCidrs[0]: expected a subnet'],
    [{ routing: { mode: 'bgp' } }, 'routing.mode: expected one of auto, direct, vxlan, none, got "bgp"'],
    [{ routing: { vni: 0 } }, 'routing.vni: expected a number from 1 to 16777215'],
    [{ routing: { port: 65536 } }, 'routing.port: expected'],
    [{ mtu: 1279 }, 'mtu: expected 0 or 1280 to 65535, got 1279'],
    [{ masquerade: { exempt: ['10.0.0.1/8'] } }, 'masquerade.exempt[0]: expected a subnet'],
    [{ masquerade: { enabled: 1 } }, 'masquerade.enabled: expected true or false'],
    [{ forwardAccept: 'yes' }, 'forwardAccept: expected true or false'],
  ])('rejects %j', (change, message) => {
    expect(complaint(JSON.stringify({ ...good, ...change }))).toContain(message)
  })

  it('reports all problems at once, up to a limit', () => {
    const peers = Array.from({ length: 500 }, () => ({ name: '', addresses: ['x'], podCidrs: ['y'] }))
    const text = complaint(JSON.stringify({ ...good, mtu: 1, peers }))
    expect(text.split('\n').length).toBeLessThan(60)
    expect(text).toContain('mtu: ')
    expect(text).toContain('peers[1].podCidrs[0]: ')
  })
})
