// The messages that a DHCP client sends, with the options that identify it and those that the configuration adds.

import { sys } from '../../../host/sys.ts'
import type { Mac } from '../../../net/mac.ts'
import { type DhcpMessage, NO_ADDRESS, OPTION_CLIENT_ID, OPTION_MESSAGE_TYPE, OPTION_PARAMETERS, type Option } from './message.ts'

/** Who requests, and what. */
export interface Client {
  /** What the server knows the lease by. */
  readonly id: string
  /** Options to send: code and text. */
  readonly provide: readonly (readonly [number, string])[]
  /** Options that the server is to send. */
  readonly request: readonly number[]
}

export interface ClientMessage {
  /** DHCPDISCOVER, DHCPREQUEST, DHCPRELEASE */
  readonly type: number
  readonly xid: number
  readonly mac: Mac
  /** Since the exchange started. */
  readonly seconds: number
  readonly broadcast: boolean
  /** The address that the client has; undefined where it has none yet. */
  readonly address: Uint8Array | undefined
  readonly options: readonly Option[]
}

const CLIENT_ID_LENGTH = 254

/** What the configuration provides replaces what is sent anyway. */
export function clientMessage({ id, provide, request }: Client, message: ClientMessage): DhcpMessage {
  const { type, xid, mac, seconds, broadcast, address = NO_ADDRESS } = message
  const options = new Map<number, Uint8Array>([[OPTION_MESSAGE_TYPE, Uint8Array.of(type)], ...message.options])
  // Type 0: no hardware address (RFC 2132 section 9.14).
  options.set(OPTION_CLIENT_ID, Uint8Array.of(0, ...bytesOf(id).slice(0, CLIENT_ID_LENGTH)))
  for (const [code, text] of provide) options.set(code, bytesOf(text))
  if (request.length > 0) options.set(OPTION_PARAMETERS, Uint8Array.from(request))
  return { xid, seconds, broadcast, ciaddr: address, yiaddr: NO_ADDRESS, chaddr: mac, options }
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(sys.encodeUtf8(text))
}
