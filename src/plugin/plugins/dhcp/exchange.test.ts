// The state machine of an exchange with a DHCP server, without a socket and without waiting.

import { describe, expect, it } from 'vitest'
import { CniError } from '../../../cni/error.ts'
import { formatCidr } from '../../../net/cidr.ts'
import { type ExchangeOptions, type ExchangeState, onMessage, onTimer, startExchange, type Transition } from './exchange.ts'
import type { Lease } from './lease.ts'
import {
  DHCPACK,
  DHCPDISCOVER,
  DHCPNAK,
  DHCPOFFER,
  DHCPREQUEST,
  type DhcpMessage,
  messageType,
  NO_ADDRESS,
  OPTION_MESSAGE_TYPE,
  OPTION_REQUESTED_ADDRESS,
  OPTION_SERVER,
  OPTION_SUBNET_MASK,
  type Option,
} from './message.ts'

const mac = Uint8Array.of(2, 0, 0, 0, 0, 1)
const server = { address: Uint8Array.of(10, 5, 0, 1), mac: Uint8Array.of(2, 0, 0, 0, 0, 9) }
const address = Uint8Array.of(10, 5, 0, 7)

/** Options of an exchange that starts at 100 s and fails at 300 s; its xids are 1, 3, 5… */
function options(renewed?: Lease): ExchangeOptions {
  let last = -1
  const random = () => {
    last += 1
    return last * 2 + 1
  }
  const client = { id: 'c1/net/eth0', provide: [], request: [1, 3] }
  return { client, mac, broadcast: false, startedAt: 100, endsAt: 300, resendMax: 10, renewed, random }
}

function answer(type: number, xid: number, more: readonly Option[] = [[OPTION_SUBNET_MASK, Uint8Array.of(255, 255, 255, 0)]]): DhcpMessage {
  const sent = new Map<number, Uint8Array>([[OPTION_MESSAGE_TYPE, Uint8Array.of(type)], [OPTION_SERVER, server.address], ...more])
  return { xid, seconds: 0, broadcast: false, ciaddr: NO_ADDRESS, yiaddr: address, chaddr: mac, options: sent }
}

/** Types of the messages that are sent while no server answers, until the exchange ends; and how it ends. */
function unanswered(given: ExchangeOptions, from: ExchangeState): { types: number[]; outcome: Transition['outcome'] } {
  const types: number[] = []
  for (let state = from; ; ) {
    const step = onTimer(given, state, state.dueAt)
    if (step.send) types.push(messageType(step.send))
    if (step.outcome) return { types, outcome: step.outcome }
    state = step.state
  }
}

const offered = (given: ExchangeOptions) => {
  const first = onTimer(given, startExchange(given), 100)
  return onMessage(given, first.state, answer(DHCPOFFER, first.state.xid), server, 101)
}

const leaseOf = (step: Transition): Lease => {
  if (!step.outcome || step.outcome instanceof CniError) throw new Error('no lease')
  return step.outcome
}

describe('an exchange for a new lease', () => {
  it('requests the first offer and ends with the lease when that is acknowledged', () => {
    const given = options()
    const requested = offered(given)
    expect(requested.send && messageType(requested.send)).toBe(DHCPREQUEST)
    expect(requested.send?.options.get(OPTION_REQUESTED_ADDRESS)).toEqual(address)
    expect(requested.send?.options.get(OPTION_SERVER)).toEqual(server.address)
    const lease = leaseOf(onMessage(given, requested.state, answer(DHCPACK, requested.state.xid), server, 102))
    expect(lease.result.ips.map((ip) => formatCidr(ip.address))).toEqual(['10.5.0.7/24'])
    expect(lease.server).toEqual(server)
  })

  it('sends DISCOVER again at growing intervals when no server answers, and fails at the end', () => {
    const given = options()
    let state = startExchange(given)
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      const now = state.dueAt
      state = onTimer(given, state, now).state
      waits.push(Math.round((state.dueAt - now) * 100) / 100)
    }
    // 1, 2, 4, 8 seconds and resendMax, each a quarter less when the random bits are near 0.
    expect(waits).toEqual([0.75, 1.5, 3, 6, 7.5, 7.5])
    const { types, outcome } = unanswered(given, state)
    expect(new Set(types)).toEqual(new Set([DHCPDISCOVER]))
    expect(outcome).toMatchObject({ code: 11, message: 'no more tries: no DHCP server answers' })
  })

  it('looks for another offer when four requests are not answered', () => {
    const given = options()
    const { state, send } = offered(given)
    const { types } = unanswered(given, state)
    expect(send && messageType(send)).toBe(DHCPREQUEST)
    expect(types.slice(0, 4)).toEqual([DHCPREQUEST, DHCPREQUEST, DHCPREQUEST, DHCPDISCOVER])
  })

  it('starts over after a second, under another xid, when the server rejects its own offer', () => {
    const given = options()
    const { state } = offered(given)
    const rejected = onMessage(given, state, answer(DHCPNAK, state.xid), server, 102)
    expect(rejected).toMatchObject({ state: { offer: undefined, dueAt: 103 } })
    expect(rejected.outcome).toBeUndefined()
    expect(rejected.state.xid).not.toBe(state.xid)
  })

  it.each([
    ['of another exchange', (message: DhcpMessage) => ({ ...message, xid: 99 })],
    ['to another MAC', (message: DhcpMessage) => ({ ...message, chaddr: Uint8Array.of(2, 0, 0, 0, 0, 2) })],
    ['without a type', (message: DhcpMessage) => ({ ...message, options: new Map() })],
  ])('ignores a message %s', (_, change) => {
    const given = options()
    const { state } = offered(given)
    expect(onMessage(given, state, change(answer(DHCPACK, state.xid)), server, 102)).toEqual({ state })
  })

  it('fails when the acknowledged lease has no subnet mask', () => {
    const given = options()
    const { state } = offered(given)
    expect(onMessage(given, state, answer(DHCPACK, state.xid, []), server, 102).outcome).toMatchObject({
      code: 999,
      message: expect.stringContaining('Subnet Mask'),
    })
  })
})

describe('an exchange that renews a lease', () => {
  const known = (): Lease => {
    const given = options()
    const { state } = offered(given)
    return leaseOf(onMessage(given, state, answer(DHCPACK, state.xid), server, 102))
  }

  it('requests the address that the pod has, and ends with the longer lease', () => {
    const given = options(known())
    const { state, send } = onTimer(given, startExchange(given), 100)
    expect(send).toMatchObject({ ciaddr: address, broadcast: false })
    expect(send && messageType(send)).toBe(DHCPREQUEST)
    expect(send?.options.has(OPTION_REQUESTED_ADDRESS)).toBe(false)
    expect(leaseOf(onMessage(given, state, answer(DHCPACK, state.xid), server, 150)).expiresAt).toBeGreaterThan(known().expiresAt)
  })

  it('fails at once when the server rejects the address', () => {
    const given = options(known())
    const { state } = onTimer(given, startExchange(given), 100)
    expect(onMessage(given, state, answer(DHCPNAK, state.xid), server, 101).outcome).toMatchObject({
      code: 999,
      message: 'the DHCP server rejects 10.5.0.7, which it leased before',
    })
  })

  it('can be tried again when no server answers', () => {
    const given = options(known())
    expect(unanswered(given, startExchange(given)).outcome).toMatchObject({ code: 11, message: 'no DHCP server renews 10.5.0.7' })
  })
})
