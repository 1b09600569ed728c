import { expect, it } from 'vitest'
import { defaultRouting, type NodeEntry, type NodeState } from '../../node/state.ts'
import { JoinedPeers } from './joined-peers.ts'

const peer = (n: number): NodeEntry => ({
  name: `n${n}`,
  addresses: [`172.16.${n >> 8}.${n & 255}`],
  podCidrs: [`10.${n >> 8}.${n & 255}.0/24`],
})
const peers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => peer(from + i))
const stateOf = (all: readonly NodeEntry[]): NodeState => ({
  protocol: 1,
  node: peer(0),
  peers: all,
  routing: defaultRouting,
  mtu: 0,
  masquerade: { enabled: true, exempt: [], randomFully: true },
  forwardAccept: false,
})

it.each<[what: string, before: NodeEntry[], now: NodeEntry[], expected: NodeEntry[] | undefined]>([
  ['one that joins a large cluster', peers(1, 600), peers(1, 601), [peer(600)]],
  ['fifty at once', peers(1, 600), peers(1, 650), peers(600, 650)],
  ['one that comes as another goes', peers(1, 600), [...peers(2, 600), peer(700)], [peer(700)]],
  ['more than fifty', peers(1, 600), peers(1, 651), undefined],
  ['none', peers(1, 600), peers(1, 600), undefined],
  ['one that goes', peers(1, 600), peers(2, 600), undefined],
  ['one that joins a small cluster', peers(1, 500), peers(1, 501), undefined],
  ['the first state', [], peers(1, 600), undefined],
])('of %s', (_what, before, now, expected) => {
  const joinedPeers = new JoinedPeers()
  expect(joinedPeers.next(stateOf(before))).toBeUndefined()
  expect(joinedPeers.next(stateOf(now))).toEqual(expected && stateOf(expected))
  expect(joinedPeers.next(stateOf(now))).toBeUndefined()
})
