// One exchange with a DHCP server (RFC 2131 section 4.4) as a state machine. Pure: a state and an event go in, the next state, what to send and the outcome come
// out. exchange-socket.ts has the socket.

import { CniError, ErrInternal, ErrTryAgainLater, toCniError } from '../../../cni/error.ts'
import { formatAddress } from '../../../net/address.ts'
import type { Mac } from '../../../net/mac.ts'
import { type Client, clientMessage } from './client-message.ts'
import type { Endpoint } from './frame.ts'
import { type Lease, leaseOf } from './lease.ts'
import {
  DHCPACK,
  DHCPDISCOVER,
  DHCPNAK,
  DHCPOFFER,
  DHCPREQUEST,
  type DhcpMessage,
  messageType,
  NO_ADDRESS,
  OPTION_MAX_SIZE,
  OPTION_MESSAGE,
  OPTION_REQUESTED_ADDRESS,
  OPTION_SERVER,
  type Option,
  textOption,
} from './message.ts'

/** What stays the same for the whole exchange. Times are seconds of CLOCK_BOOTTIME. */
export interface ExchangeOptions {
  readonly client: Client
  readonly mac: Mac
  /** The server must answer by broadcast. */
  readonly broadcast: boolean
  readonly startedAt: number
  /** When the exchange has failed. */
  readonly endsAt: number
  /** Seconds between two messages at most. */
  readonly resendMax: number
  /** The lease that is to be extended; undefined: a new one is requested. */
  readonly renewed: Lease | undefined
  /** 32 random bits. */
  readonly random: () => number
}

export interface ExchangeState {
  /** Identifies the exchange on the wire. */
  readonly xid: number
  /** The offer that is requested; undefined as long as there is none. */
  readonly offer: DhcpMessage | undefined
  /** How often the current message was sent. */
  readonly tries: number
  /** When to send the next message. */
  readonly dueAt: number
}

/** What an event leads to. With an outcome the exchange has ended. */
export interface Transition {
  readonly state: ExchangeState
  readonly send?: DhcpMessage
  readonly outcome?: Lease | CniError
}

/** An offer that is not acknowledged after so many requests is given up for another one. */
const REQUEST_TRIES = 4
const MAX_MESSAGE_SIZE = Uint8Array.of(1500 >> 8, 1500 & 255)

export function startExchange({ startedAt, random }: ExchangeOptions): ExchangeState {
  return { xid: random(), offer: undefined, tries: 0, dueAt: startedAt }
}

/** The time is `dueAt`: sends, again where that was not answered, or gives up. */
export function onTimer(options: ExchangeOptions, state: ExchangeState, now: number): Transition {
  const { endsAt, resendMax, random } = options
  if (now >= endsAt) return { state, outcome: noAnswer(options, state, now) }
  const current = state.offer && state.tries >= REQUEST_TRIES ? restart(options, state.dueAt) : state
  const delay = Math.min(2 ** current.tries, resendMax)
  // So that pods that were started together do not send together for ever.
  const dueAt = Math.min(now + delay * (0.75 + random() / 2 ** 33), endsAt)
  return { state: { ...current, tries: current.tries + 1, dueAt }, send: messageOf(options, current, now) }
}

/** A server's message has come, from `from`. One of another exchange changes nothing. */
export function onMessage(options: ExchangeOptions, state: ExchangeState, message: DhcpMessage, from: Endpoint, now: number): Transition {
  const { mac, renewed } = options
  if (message.xid !== state.xid || !message.chaddr.every((byte, i) => byte === mac[i])) return { state }
  const type = messageType(message)
  const isRequesting = renewed !== undefined || state.offer !== undefined
  if (!isRequesting) return type === DHCPOFFER ? onTimer(options, { ...state, offer: message, tries: 0 }, now) : { state }
  if (type === DHCPACK) return { state, outcome: acknowledged(message, from, now) }
  if (type !== DHCPNAK) return { state }
  if (renewed) return { state, outcome: new CniError(ErrInternal, rejection(renewed), textOption(message.options, OPTION_MESSAGE)) }
  // Not at once: a server may reject everything that it offers.
  return { state: restart(options, now + 1) }
}

/** RFC 2131 section 3.1 step 4, table 5: from DISCOVER on, as another exchange on the wire. */
function restart({ random }: ExchangeOptions, dueAt: number): ExchangeState {
  return { xid: random(), offer: undefined, tries: 0, dueAt }
}

function messageOf(
  { client, mac, broadcast, startedAt, renewed }: ExchangeOptions,
  { xid, offer }: ExchangeState,
  now: number,
): DhcpMessage {
  const chosen: Option[] = offer
    ? [
        [OPTION_REQUESTED_ADDRESS, offer.yiaddr],
        [OPTION_SERVER, offer.options.get(OPTION_SERVER) ?? NO_ADDRESS],
      ]
    : []
  return clientMessage(client, {
    type: renewed || offer ? DHCPREQUEST : DHCPDISCOVER,
    xid,
    mac,
    seconds: Math.floor(now - startedAt),
    broadcast: !renewed && broadcast,
    address: renewed?.address,
    options: [...chosen, [OPTION_MAX_SIZE, MAX_MESSAGE_SIZE]],
  })
}

function acknowledged(message: DhcpMessage, from: Endpoint, now: number): Lease | CniError {
  try {
    return leaseOf(message, from, now)
  } catch (error) {
    return toCniError(error)
  }
}

function noAnswer({ renewed, startedAt }: ExchangeOptions, { tries }: ExchangeState, now: number): CniError {
  const problem = renewed ? `no DHCP server renews ${addressOf(renewed)}` : 'no more tries: no DHCP server answers'
  return new CniError(ErrTryAgainLater, problem, `requested for ${Math.round(now - startedAt)} s, ${tries} times`)
}

function rejection(lease: Lease): string {
  return `the DHCP server rejects ${addressOf(lease)}, which it leased before`
}

function addressOf({ address }: Lease): string {
  return formatAddress({ family: 4, bytes: address })
}
