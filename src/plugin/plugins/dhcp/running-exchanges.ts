// The exchanges that are under way: started, called when they are due, cancelled.

import type { DaemonFlags } from './daemon-flags.ts'
import type { DaemonRequest } from './daemon-request.ts'
import { Exchange, type Outcome, random32 } from './exchange-socket.ts'
import { BROADCAST, type Endpoint } from './frame.ts'
import type { Lease } from './lease.ts'
import { clientOf, netnsOf } from './lease-record.ts'
import { openWire } from './wire.ts'

/** At once: each has a socket, and poll takes a limited number. */
const MAX_EXCHANGES = 100

/** A lease that is to be extended, by which server, and until when that is tried. */
export interface Renewal {
  readonly lease: Lease
  readonly server: Endpoint
  readonly endsAt: number
}

export class RunningExchanges {
  readonly #flags: DaemonFlags
  readonly #running = new Set<Exchange>()

  constructor(flags: DaemonFlags) {
    this.#flags = flags
  }

  get hasRoom(): boolean {
    return this.#running.size < MAX_EXCHANGES
  }

  /** Seconds of CLOCK_BOOTTIME; Infinity where there is none. */
  get dueAt(): number {
    return Math.min(...[...this.#running].map(({ dueAt }) => dueAt), Number.POSITIVE_INFINITY)
  }

  /** By file descriptor, for poll. */
  get byFd(): ReadonlyMap<number, Exchange> {
    return new Map([...this.#running].map((exchange) => [exchange.fd, exchange]))
  }

  isRunning(exchange: Exchange): boolean {
    return this.#running.has(exchange)
  }

  /** Starts one on the pod's interface: for a new lease, or the renewal. Throws where the interface or its namespace is gone. */
  start(request: DaemonRequest, now: number, renewal: Renewal | undefined, done: (outcome: Outcome) => void): Exchange {
    const { broadcast, timeout, resendmax, resendtimeout, hostprefix } = this.#flags
    const wire = openWire(netnsOf(request, hostprefix), request.ifname)
    const options = {
      client: clientOf(request),
      mac: wire.mac,
      broadcast: broadcast || wire.needsBroadcast,
      startedAt: now,
      endsAt: renewal?.endsAt ?? now + resendtimeout,
      resendMax: Math.min(timeout, resendmax),
      renewed: renewal?.lease,
      random: random32,
    }
    const exchange: Exchange = new Exchange(wire, renewal?.server ?? BROADCAST, options, (outcome) => {
      this.#running.delete(exchange)
      done(outcome)
    })
    this.#running.add(exchange)
    return exchange
  }

  tick(now: number): void {
    for (const exchange of [...this.#running]) if (exchange.dueAt <= now) exchange.tick(now)
  }

  /** Ends one without an outcome. */
  cancel(exchange: Exchange): void {
    if (this.#running.delete(exchange)) exchange.cancel()
  }
}
