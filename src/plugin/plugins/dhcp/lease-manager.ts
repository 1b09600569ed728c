// What the daemon does for each verb, and when a lease is due: all that is neither a socket's business nor the loop's.

import { CniError, ErrInternal, ErrTryAgainLater, formatError, toCniError } from '../../../cni/error.ts'
import { isObject, type JsonObject, parseJson } from '../../../cni/json.ts'
import { encodeResult } from '../../../cni/result.ts'
import { sys } from '../../../host/sys.ts'
import { formatCidr } from '../../../net/cidr.ts'
import type { Ask } from './ask.ts'
import type { DaemonFlags } from './daemon-flags.ts'
import { type Client, Exchange, sendRelease } from './exchange.ts'
import { EVERYBODY } from './frame.ts'
import type { Lease } from './lease.ts'
import { clientIdOf, forgetLease, keepLease, keptLeases, type LeaseRecord } from './lease-record.ts'
import { closeWire, macOf, openWire, takeDown } from './wire.ts'

const STDERR = 2
/** Conversations at once: each has a socket, and poll takes so many. */
const MAX_EXCHANGES = 100

/** Given the answer of a verb, or what went wrong. */
export type Answer = (answer: JsonObject | CniError) => void

export class LeaseManager {
  readonly #flags: DaemonFlags
  readonly #directory: string
  readonly #held = new Map<string, LeaseRecord>()
  readonly #exchanges = new Set<Exchange>()

  /** `directory` is where leases are kept; those that are there are gone on with. */
  constructor(flags: DaemonFlags, directory: string) {
    this.#flags = flags
    this.#directory = directory
    for (const held of keptLeases(directory)) this.#held.set(clientIdOf(held.ask), held)
    if (this.#held.size > 0) say(`going on with ${this.#held.size} leases`)
  }

  get exchanges(): Iterable<Exchange> {
    return this.#exchanges
  }

  get hasRoom(): boolean {
    return this.#exchanges.size < MAX_EXCHANGES
  }

  /** When something has to be done next; undefined where nothing has. */
  get dueAt(): number {
    let due = Number.POSITIVE_INFINITY
    for (const exchange of this.#exchanges) due = Math.min(due, exchange.dueAt)
    for (const held of this.#held.values()) if (!held.exchange) due = Math.min(due, held.dueAt)
    return due
  }

  /** Does what is due. */
  tick(now: number): void {
    for (const exchange of [...this.#exchanges]) if (exchange.dueAt <= now) exchange.tick(now)
    for (const held of [...this.#held.values()]) if (!held.exchange && held.dueAt <= now) this.#keepAlive(held, now)
  }

  /** Answers at once, or, for ADD, when the server has; the exchange that is returned may be given up till then. */
  serve(ask: Ask, now: number, answer: Answer): Exchange | undefined {
    const id = clientIdOf(ask)
    const held = this.#held.get(id)
    if (ask.verb === 'ADD') return this.#acquire(ask, held, now, answer)
    if (ask.verb === 'DEL' && held) this.#release(held)
    if (ask.verb === 'GC') this.#releaseStale(ask)
    if (ask.verb === 'CHECK') {
      if (!held) answer(new CniError(ErrInternal, `no lease of ${id}`))
      else if (!macOf(this.#path(ask), ask.ifname)) answer(new CniError(ErrInternal, `interface ${ask.ifname} of ${id} is gone`))
      else answer(encode(held.lease))
    } else answer({})
    return undefined
  }

  /** Gives up an exchange that no call waits for. */
  cancel(exchange: Exchange): void {
    if (this.#exchanges.delete(exchange)) exchange.cancel()
  }

  /** The same attachment asks again for the same interface: it has its lease. Another interface of the name is another client. */
  #acquire(ask: Ask, held: LeaseRecord | undefined, now: number, answer: Answer): Exchange | undefined {
    const id = clientIdOf(ask)
    const there = held && ask.netns === held.ask.netns && macOf(this.#path(ask), ask.ifname)
    if (held && there && held.lease.expiresAt > now) {
      answer(encode(held.lease))
      return undefined
    }
    if (held) this.#drop(held)
    say(`${id}: acquiring lease`)
    return this.#begin(
      ask,
      now,
      (outcome) => {
        if (outcome instanceof CniError) {
          say(`${id}: ${formatError(outcome)}`)
          answer(outcome)
          return
        }
        const taken: LeaseRecord = { ask, lease: outcome, dueAt: outcome.renewAt, exchange: undefined }
        this.#held.set(id, taken)
        keepLease(this.#directory, taken)
        say(`${id}: ${describe(outcome)} acquired for ${Math.round(outcome.expiresAt - sys.clock_gettime(CLOCK_BOOTTIME))} s`)
        answer(encode(outcome))
      },
      answer,
    )
  }

  /** Renewing, rebinding, the end (RFC 2131 section 4.4.5). An interface that is gone needs no lease. */
  #keepAlive(held: LeaseRecord, now: number): void {
    const { ask, lease } = held
    const id = clientIdOf(ask)
    if (!macOf(this.#path(ask), ask.ifname)) {
      say(`${id}: interface ${ask.ifname} is gone, and so is its lease`)
      this.#drop(held)
    } else if (now >= lease.expiresAt) this.#expire(held, 'expired')
    else if (!this.hasRoom) held.dueAt = now + 1
    else this.#renew(held, now)
  }

  #renew(held: LeaseRecord, now: number): void {
    const { ask, lease } = held
    const rebinding = now >= lease.rebindAt
    const to = rebinding ? EVERYBODY : lease.server
    const endsAt = rebinding ? lease.expiresAt : lease.rebindAt
    const settle = (outcome: Lease | CniError) => {
      held.exchange = undefined
      if (!(outcome instanceof CniError)) {
        held.lease = outcome
        held.dueAt = outcome.renewAt
        keepLease(this.#directory, held)
        say(`${clientIdOf(ask)}: ${describe(outcome)} ${rebinding ? 'rebound' : 'renewed'}`)
      } else if (outcome.code === ErrTryAgainLater) held.dueAt = endsAt
      else this.#expire(held, formatError(outcome))
    }
    held.exchange = this.#begin(ask, now, settle, ({ message }) => settle(new CniError(ErrTryAgainLater, message)), { lease, to, endsAt })
  }

  #begin(
    ask: Ask,
    now: number,
    done: (outcome: Lease | CniError) => void,
    failed: (error: CniError) => void,
    kept?: { readonly lease: Lease; readonly to: typeof EVERYBODY; readonly endsAt: number },
  ): Exchange | undefined {
    const { timeout, resendmax, resendtimeout } = this.#flags
    try {
      const patience = { resendMax: Math.min(timeout, resendmax), resendTimeout: resendtimeout }
      const exchange: Exchange = new Exchange(
        openWire(this.#path(ask), ask.ifname),
        this.#client(ask),
        patience,
        now,
        (outcome) => {
          this.#exchanges.delete(exchange)
          done(outcome)
        },
        kept,
      )
      this.#exchanges.add(exchange)
      return exchange
    } catch (error) {
      failed(toCniError(error))
      return undefined
    }
  }

  /** An address that may be another host's by now must not be used. */
  #expire(held: LeaseRecord, reason: string): void {
    say(`${clientIdOf(held.ask)}: ${reason}: bringing ${held.ask.ifname} down`)
    attempt(() => takeDown(this.#path(held.ask), held.ask.ifname))
    this.#drop(held)
  }

  #release(held: LeaseRecord): void {
    say(`${clientIdOf(held.ask)}: releasing ${describe(held.lease)}`)
    this.#drop(held)
    attempt(() => {
      const wire = openWire(this.#path(held.ask), held.ask.ifname)
      try {
        sendRelease(wire, this.#client(held.ask), held.lease)
      } finally {
        closeWire(wire)
      }
    })
  }

  #releaseStale({ network, valid }: Ask): void {
    const isValid = (ask: Ask) => valid.some((entry) => entry.containerId === ask.containerId && entry.ifname === ask.ifname)
    for (const held of [...this.#held.values()]) if (held.ask.network === network && !isValid(held.ask)) this.#release(held)
  }

  #drop(held: LeaseRecord): void {
    if (held.exchange) this.cancel(held.exchange)
    this.#held.delete(clientIdOf(held.ask))
    forgetLease(this.#directory, held.ask)
  }

  #path({ netns }: Ask): string {
    return `${this.#flags.hostprefix}${netns}`
  }

  #client(ask: Ask): Client {
    return { id: clientIdOf(ask), provide: ask.provide, request: ask.request, broadcast: this.#flags.broadcast }
  }
}

export const CLOCK_BOOTTIME = 7

export function say(text: string): void {
  sys.write(STDERR, `dhcp: ${text}\n`)
}

function encode({ result }: Lease): JsonObject {
  const json = parseJson(encodeResult(result, '1.1.0'), 'the result')
  return isObject(json) ? json : {}
}

function describe({ result }: Lease): string {
  return result.ips.map(({ address }) => formatCidr(address)).join(' ')
}

/** The server, or the pod, goes on without us. */
function attempt(act: () => void): void {
  try {
    act()
  } catch (error) {
    say(formatError(toCniError(error)))
  }
}
