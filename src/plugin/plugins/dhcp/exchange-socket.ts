// An exchange on a pod's interface: takes the state machine's steps as the daemon's loop calls them. Nothing here waits.

import { type CniError, toCniError } from '../../../cni/error.ts'
import { sys } from '../../../host/sys.ts'
import { type Client, clientMessage } from './client-message.ts'
import { type ExchangeOptions, type ExchangeState, onMessage, onTimer, startExchange, type Transition } from './exchange.ts'
import { decodeFrame, type Endpoint, encodeFrame } from './frame.ts'
import type { Lease } from './lease.ts'
import { DHCPRELEASE, type DhcpMessage, decodeDhcp, encodeDhcp, OPTION_SERVER } from './message.ts'
import { closeWire, type Wire } from './wire.ts'

export type Outcome = Lease | CniError

export class Exchange {
  readonly #wire: Wire
  /** Where messages go to. */
  readonly #server: Endpoint
  readonly #options: ExchangeOptions
  readonly #done: (outcome: Outcome) => void
  #state: ExchangeState

  /** Uses `wire` until it ends, and then closes it. `done` is called once, unless the exchange is cancelled. */
  constructor(wire: Wire, server: Endpoint, options: ExchangeOptions, done: (outcome: Outcome) => void) {
    this.#wire = wire
    this.#server = server
    this.#options = options
    this.#done = done
    this.#state = startExchange(options)
  }

  get fd(): number {
    return this.#wire.fd
  }

  /** Seconds of CLOCK_BOOTTIME. */
  get dueAt(): number {
    return this.#state.dueAt
  }

  tick(now: number): void {
    this.#take(onTimer(this.#options, this.#state, now))
  }

  /** Reads a frame, which the socket has. */
  receive(now: number): void {
    const frame = decodeFrame(new Uint8Array(sys.recv(this.#wire.fd)))
    const message = frame && decodeDhcp(frame.payload)
    if (message) this.#take(onMessage(this.#options, this.#state, message, frame.from, now))
  }

  cancel(): void {
    closeWire(this.#wire)
  }

  #take({ state, send, outcome }: Transition): void {
    this.#state = state
    const result = outcome ?? (send && trySend(this.#wire, this.#server, send))
    if (!result) return
    closeWire(this.#wire)
    this.#done(result)
  }
}

/** Releases a lease; there is no answer. */
export function sendRelease(wire: Wire, client: Client, { address, server }: Lease): void {
  const message = clientMessage(
    { ...client, request: [] },
    {
      type: DHCPRELEASE,
      xid: random32(),
      mac: wire.mac,
      seconds: 0,
      broadcast: false,
      address,
      options: [[OPTION_SERVER, server.address]],
    },
  )
  sendMessage(wire, server, message)
}

export function random32(): number {
  return new DataView(sys.getrandom(4)).getUint32(0)
}

/** The error, undefined where there is none. */
function trySend(wire: Wire, to: Endpoint, message: DhcpMessage): CniError | undefined {
  try {
    sendMessage(wire, to, message)
    return undefined
  } catch (error) {
    return toCniError(error)
  }
}

function sendMessage(wire: Wire, to: Endpoint, message: DhcpMessage): void {
  sys.send(wire.fd, encodeFrame({ address: message.ciaddr, mac: wire.mac }, to, encodeDhcp(message)))
}
