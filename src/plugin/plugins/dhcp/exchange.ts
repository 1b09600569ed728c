// One conversation with a DHCP server (RFC 2131 section 4.4), as steps that the daemon's loop takes: nothing here waits.

import { CniError, ErrInternal, ErrTryAgainLater, toCniError } from '../../../cni/error.ts'
import { sys } from '../../../host/sys.ts'
import { formatAddress } from '../../../net/address.ts'
import { decodeFrame, type End, EVERYBODY, encodeFrame } from './frame.ts'
import { type Lease, leaseOf } from './lease.ts'
import {
  DHCPACK,
  DHCPDISCOVER,
  DHCPNAK,
  DHCPOFFER,
  DHCPRELEASE,
  DHCPREQUEST,
  type DhcpMessage,
  decodeDhcp,
  encodeDhcp,
  messageType,
  NO_ADDRESS,
  OPTION_CLIENT_ID,
  OPTION_MAX_SIZE,
  OPTION_MESSAGE,
  OPTION_MESSAGE_TYPE,
  OPTION_PARAMETERS,
  OPTION_REQUESTED_ADDRESS,
  OPTION_SERVER,
  textOption,
} from './message.ts'
import { closeWire, type Wire } from './wire.ts'

/** Who asks, and for what. */
export interface Client {
  /** What the server knows the lease by. */
  readonly id: string
  readonly provide: readonly (readonly [number, string])[]
  readonly request: readonly number[]
  readonly broadcast: boolean
}

/** Seconds: between two sendings at most, and until the exchange is given up. */
export interface Patience {
  readonly resendMax: number
  readonly resendTimeout: number
}

type Outcome = Lease | CniError
type Option = readonly [number, Uint8Array]

/** After a NAK the client starts over with DISCOVER, except where the address is in use. */
export const ErrRefused = ErrInternal
/** After so many unanswered requests for what was offered another offer is looked for. */
const REQUEST_TRIES = 4
const CLIENT_ID_LENGTH = 254

export class Exchange {
  /** Seconds of CLOCK_BOOTTIME. */
  dueAt: number
  readonly #wire: Wire
  readonly #client: Client
  readonly #patience: Patience
  /** What is kept: the server is asked to go on with it. Undefined: a new one is asked for. */
  readonly #kept: Lease | undefined
  /** Where requests go to. */
  readonly #to: End
  readonly #startedAt: number
  readonly #endsAt: number
  readonly #done: (outcome: Outcome) => void
  #xid = random32()
  #offer: DhcpMessage | undefined
  #tries = 0

  /** Speaks on `wire`, and closes it; `done` is called once. With `kept`, `to` is its server or everybody. */
  constructor(
    wire: Wire,
    client: Client,
    patience: Patience,
    now: number,
    done: (outcome: Outcome) => void,
    kept?: { readonly lease: Lease; readonly to: End; readonly endsAt: number },
  ) {
    this.#wire = wire
    this.#client = client
    this.#patience = patience
    this.#kept = kept?.lease
    this.#to = kept?.to ?? EVERYBODY
    this.#startedAt = now
    this.#endsAt = kept?.endsAt ?? now + patience.resendTimeout
    this.#done = done
    this.dueAt = now
  }

  get fd(): number {
    return this.#wire.fd
  }

  /** Sends what is due, or gives up. */
  tick(now: number): void {
    if (now >= this.#endsAt) {
      const what = this.#kept
        ? `no DHCP server renews ${formatAddress({ family: 4, bytes: this.#kept.address })}`
        : 'no more tries: no DHCP server answers'
      this.#finish(new CniError(ErrTryAgainLater, what, `asked for ${Math.round(now - this.#startedAt)} s, ${this.#tries} times`))
      return
    }
    if (this.#offer && this.#tries >= REQUEST_TRIES) this.#restart()
    try {
      this.#send(now)
    } catch (error) {
      this.#finish(toCniError(error))
      return
    }
    this.#tries++
    const delay = Math.min(2 ** (this.#tries - 1), this.#patience.resendMax)
    // So that pods that were started together do not ask together for ever.
    this.dueAt = Math.min(now + delay * (0.75 + random32() / 2 ** 33), this.#endsAt)
  }

  /** Takes a frame that the socket has. */
  receive(now: number): void {
    const frame = decodeFrame(new Uint8Array(sys.recv(this.#wire.fd)))
    const message = frame && decodeDhcp(frame.payload)
    if (!message || message.xid !== this.#xid || !message.chaddr.every((byte, i) => byte === this.#wire.mac[i])) return
    const type = messageType(message)
    if (type === DHCPOFFER && !this.#kept && !this.#offer) {
      this.#offer = message
      this.#tries = 0
      this.tick(now)
    } else if (type === DHCPACK && (this.#kept || this.#offer)) this.#finish(tryLease(message, frame.from, now))
    else if (type === DHCPNAK && (this.#kept || this.#offer)) this.#refused(message, now)
  }

  /** Ends without an outcome. */
  cancel(): void {
    closeWire(this.#wire)
  }

  #refused(message: DhcpMessage, now: number): void {
    const reason = textOption(message.options, OPTION_MESSAGE)
    if (this.#kept) {
      this.#finish(new CniError(ErrRefused, 'the DHCP server refuses the address that it gave', reason))
      return
    }
    this.#restart()
    // A server that refuses everything it offers must not be asked without a pause.
    this.dueAt = now + 1
  }

  #restart(): void {
    this.#offer = undefined
    this.#tries = 0
    this.#xid = random32()
  }

  #finish(outcome: Outcome): void {
    closeWire(this.#wire)
    this.#done(outcome)
  }

  #send(now: number): void {
    const kept = this.#kept
    const options: Option[] = [[OPTION_MESSAGE_TYPE, Uint8Array.of(kept || this.#offer ? DHCPREQUEST : DHCPDISCOVER)]]
    if (this.#offer) {
      options.push([OPTION_REQUESTED_ADDRESS, this.#offer.yiaddr])
      options.push([OPTION_SERVER, this.#offer.options.get(OPTION_SERVER) ?? NO_ADDRESS])
    }
    options.push([OPTION_MAX_SIZE, Uint8Array.of(1500 >> 8, 1500 & 255)])
    sendMessage(this.#wire, this.#to, {
      xid: this.#xid,
      seconds: Math.floor(now - this.#startedAt),
      broadcast: !kept && (this.#client.broadcast || this.#wire.needsBroadcast),
      ciaddr: kept?.address ?? NO_ADDRESS,
      yiaddr: NO_ADDRESS,
      chaddr: this.#wire.mac,
      options: optionsOf(this.#client, options),
    })
  }
}

/** Releases a lease; there is no answer. */
export function sendRelease(wire: Wire, client: Client, { address, server }: Lease): void {
  const options: Option[] = [
    [OPTION_MESSAGE_TYPE, Uint8Array.of(DHCPRELEASE)],
    [OPTION_SERVER, server.address],
  ]
  const message = { xid: random32(), seconds: 0, broadcast: false, ciaddr: address, yiaddr: NO_ADDRESS, chaddr: wire.mac }
  sendMessage(wire, server, { ...message, options: optionsOf({ ...client, request: [] }, options) })
}

function sendMessage(wire: Wire, to: End, message: DhcpMessage): void {
  sys.send(wire.fd, encodeFrame({ address: message.ciaddr, mac: wire.mac }, to, encodeDhcp(message)))
}

/** What the configuration provides goes before what is said anyway. */
function optionsOf({ id, provide, request }: Client, own: readonly Option[]): ReadonlyMap<number, Uint8Array> {
  const text = (value: string) => new Uint8Array(sys.encodeUtf8(value))
  const provided = provide.map(([code, value]): Option => [code, text(value)])
  const parameters: Option[] = request.length > 0 ? [[OPTION_PARAMETERS, Uint8Array.from(request)]] : []
  // Type 0: no hardware address (RFC 2132 section 9.14).
  const clientId = Uint8Array.of(0, ...text(id).slice(0, CLIENT_ID_LENGTH))
  return new Map<number, Uint8Array>([...own, [OPTION_CLIENT_ID, clientId], ...provided, ...parameters])
}

function tryLease(message: DhcpMessage, from: End, now: number): Outcome {
  try {
    return leaseOf(message, from, now)
  } catch (error) {
    return toCniError(error)
  }
}

function random32(): number {
  return new DataView(sys.getrandom(4)).getUint32(0)
}
