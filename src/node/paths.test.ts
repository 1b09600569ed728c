import { describe, expect, it } from 'vitest'
import type { Link } from '../kernel/route/link.ts'
import { formatPacked, networkOfPacked, packAddress, packPrefix } from '../net/packed.ts'
import type { Facts, HostSubnet, Uplink } from './facts.ts'
import { findPaths, formatPrefix } from './paths.ts'
import { parseNodeState } from './read-state.ts'
import { vtepGateway, vtepMac } from './vtep.ts'

const link: Link = {
  index: 2,
  name: 'eth0',
  flags: 1,
  mtu: 1500,
  mac: new Uint8Array(6),
  operstate: 6,
  alias: '',
  kind: '',
  master: 0,
  peer: 0,
  group: 0,
  txqlen: 0,
  info: undefined,
}

const packed = (text: string) => packAddress(text) ?? ''

function uplink(address: string, length: number, mtu = 1500): Uplink {
  const own = packed(address)
  return { link: { ...link, mtu }, address: own, addresses: [own], onLink: [networkOfPacked({ first: own, length })] }
}

const both: Facts = {
  uplinks: { 4: uplink('192.168.5.1', 24), 6: uplink('fd05::1', 64) },
  vxlan: undefined,
  vxlanAddresses: [],
  hostSubnets: [],
}

const me = { name: 'a', addresses: ['192.168.5.1', 'fd05::1'], podCidrs: ['10.1.1.0/24', 'fd00:1::/64'] }
const near = { name: 'near', addresses: ['192.168.5.2', 'fd05::2'], podCidrs: ['10.1.2.0/24', 'fd00:2::/64'] }
const far = { name: 'far', addresses: ['192.168.6.3', 'fd06::3'], podCidrs: ['10.1.3.0/24', 'fd00:3::/64'] }

function paths(facts: Facts, change: Record<string, unknown> = {}) {
  const state = parseNodeState(JSON.stringify({ protocol: 1, node: me, peers: [near, far], ...change }))
  const found = findPaths(state, facts)
  return {
    direct: [...found.direct[4], ...found.direct[6]].map(({ subnet, gateway }) => `${formatPrefix(subnet)} ${formatPacked(gateway)}`),
    tunnels: found.tunnels.map(({ remote, subnets }) => `${subnets.map(formatPrefix).join(' ')} ${formatPacked(remote)}`),
    unreached: found.unreached.map(({ name }) => name),
    overlaps: found.overlaps.map(({ subnet, fatal }) => `${formatPrefix(subnet)} ${fatal}`),
    mtu: found.mtu,
    tunnel: found.tunnel && { mtu: found.tunnel.mtu, local: formatPacked(found.tunnel.local) },
  }
}

const mode = (name: string) => ({ routing: { mode: name } })
const DIRECT = ['10.1.2.0/24 192.168.5.2', 'fd00:2::/64 fd05::2']
const FAR = '10.1.3.0/24 fd00:3::/64 192.168.6.3'

describe('findPaths()', () => {
  it.each([
    ['auto', { direct: DIRECT, tunnels: [FAR], unreached: [], mtu: 1450, tunnel: { mtu: 1450, local: '192.168.5.1' } }],
    [
      'vxlan',
      {
        direct: [],
        tunnels: ['10.1.2.0/24 fd00:2::/64 192.168.5.2', FAR],
        unreached: [],
        mtu: 1450,
        tunnel: { mtu: 1450, local: '192.168.5.1' },
      },
    ],
    ['direct', { direct: DIRECT, tunnels: [], unreached: ['far', 'far'], mtu: 1500, tunnel: undefined }],
    ['none', { direct: [], tunnels: [], unreached: [], mtu: 1500, tunnel: undefined }],
  ])('in mode %s', (name, expected) => {
    expect(paths(both, mode(name))).toMatchObject(expected)
  })

  it('keeps room for VXLAN in the pods’ MTU in mode auto, whether a peer needs it yet or not', () => {
    expect(paths(both, { peers: [near] })).toMatchObject({ mtu: 1450, tunnel: undefined })
    expect(paths(both, { peers: [] })).toMatchObject({ mtu: 1450, tunnel: undefined })
    expect(paths(both, { peers: [], ...mode('vxlan') })).toMatchObject({ mtu: 1450, tunnel: { mtu: 1450 } })
  })

  it.each([
    [1300, 1300],
    [9000, 1450],
  ])('takes an MTU of %i as far as it fits', (mtu, expected) => {
    expect(paths(both, { mtu })).toMatchObject({ mtu: expected, tunnel: { mtu: expected } })
  })

  it('carries all in IPv6 where the node has no IPv4, which takes more room', () => {
    const six: Facts = { ...both, uplinks: { 4: undefined, 6: uplink('fd05::1', 64) } }
    const node = { ...me, addresses: ['fd05::1'] }
    expect(paths(six, { node })).toMatchObject({
      direct: ['fd00:2::/64 fd05::2'],
      tunnels: ['10.1.2.0/24 fd05::2', '10.1.3.0/24 fd00:3::/64 fd06::3'],
      mtu: 1430,
    })
  })

  it('takes the tunnel where the device has its address alone, as on many clouds', () => {
    const alone: Facts = { ...both, uplinks: { 4: uplink('192.168.5.1', 32), 6: undefined } }
    expect(paths(alone, { node: { ...me, podCidrs: ['10.1.1.0/24'] } })).toMatchObject({
      direct: [],
      tunnels: ['10.1.2.0/24 192.168.5.2', '10.1.3.0/24 192.168.6.3'],
    })
  })

  it('takes whichever of a peer’s addresses is on the link', () => {
    const peer = { ...near, addresses: ['172.16.0.2', '192.168.5.9'], podCidrs: ['10.1.2.0/24'] }
    expect(paths(both, { peers: [peer] })).toMatchObject({ direct: ['10.1.2.0/24 192.168.5.9'] })
  })

  it('reports a peer without an address of the tunnel’s family', () => {
    expect(paths(both, { peers: [{ ...far, addresses: ['fd06::3'] }] })).toMatchObject({ tunnels: [], unreached: ['far'] })
  })

  it('ignores a family that the node’s own pods do not have', () => {
    const node = { ...me, podCidrs: ['10.1.1.0/24'] }
    expect(paths(both, { node, peers: [far] })).toMatchObject({ tunnels: ['10.1.3.0/24 192.168.6.3'], unreached: [] })
  })

  it('has no path when no device has the node’s address', () => {
    const none: Facts = { ...both, uplinks: { 4: undefined, 6: undefined } }
    expect(paths(none)).toEqual({ direct: [], tunnels: [], unreached: [], overlaps: [], mtu: 0, tunnel: undefined })
  })

  it.each([
    ['10.1.2.9', '10.1.2.0/24', '10.1.2.0/24 true', 3],
    ['10.1.2.9', '10.1.0.0/16', '10.1.2.0/24 true', 3],
    ['10.1.0.9', '10.1.0.0/16', '10.1.2.0/24 false', 4],
    ['10.1.2.130', '10.1.2.128/25', '10.1.2.0/24 true', 3],
  ])('reports that %s in %s overlaps a peer’s subnet', (address, subnet, overlap, routes) => {
    const host: HostSubnet = { ifindex: 3, address: packed(address), subnet: packPrefix(subnet) ?? { first: '', length: 0 } }
    const found = paths({ ...both, hostSubnets: [host] })
    expect(found.overlaps).toContain(overlap)
    expect(found.direct.length + found.tunnels.flatMap((tunnel) => tunnel.split(' ').slice(0, -1)).length).toBe(routes)
  })
})

it('vtepMac() and vtepGateway() are the same on every node, unicast and locally administered', () => {
  expect(vtepMac(packed('192.168.5.2'))).toBe('0e00c0a80502')
  expect(vtepMac(packed('fd05::2'))).toHaveLength(12)
  expect(vtepMac(packed('fd05::2'))).not.toBe(vtepMac(packed('fd05::3')))
  expect(formatPacked(vtepGateway('0e00c0a80502'))).toBe('fe80::e00:c0a8:502')
})
