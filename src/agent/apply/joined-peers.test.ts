import { expect, it } from 'vitest'
import type { NodeEntry } from '../../node/state.ts'
import { JoinedPeers } from './joined-peers.ts'

const peer = (n: number): NodeEntry => ({
  name: `n${n}`,
  addresses: [`172.16.${n >> 8}.${n & 255}`],
  podCidrs: [`10.${n >> 8}.${n & 255}.0/24`],
})
const peers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => peer(from + i))
it.each<[what: string, before: NodeEntry[], now: NodeEntry[], expected: NodeEntry[]]>([
  ['one that joins a large cluster', peers(1, 600), peers(1, 601), [peer(600)]],
  ['fifty at once', peers(1, 600), peers(1, 650), peers(600, 650)],
  ['one that comes as another goes', peers(1, 600), [...peers(2, 600), peer(700)], [peer(700)]],
  ['more than fifty', peers(1, 600), peers(1, 651), []],
  ['none', peers(1, 600), peers(1, 600), []],
  ['one that goes', peers(1, 600), peers(2, 600), []],
  ['one that joins a small cluster', peers(1, 500), peers(1, 501), []],
  ['the first state', [], peers(1, 600), []],
])('of %s', (_what, before, now, expected) => {
  const joinedPeers = new JoinedPeers()
  expect(joinedPeers.next(before)).toEqual([])
  expect(joinedPeers.next(now)).toEqual(expected)
  expect(joinedPeers.next(now)).toEqual([])
})
