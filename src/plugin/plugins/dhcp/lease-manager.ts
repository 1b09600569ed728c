// The daemon's leases: what each verb does with them, and what is due when. The loop and the plugin's socket are daemon.ts's, messages are exchange.ts's.

import { CniError, ErrInternal, ErrTryAgainLater, formatError, toCniError } from '../../../cni/error.ts'
import type { JsonObject } from '../../../cni/json.ts'
import { bootSeconds } from './clock.ts'
import type { DaemonFlags } from './daemon-flags.ts'
import type { DaemonRequest } from './daemon-request.ts'
import { type Exchange, type Outcome, sendRelease } from './exchange-socket.ts'
import { BROADCAST } from './frame.ts'
import { formatLease, phaseOf } from './lease.ts'
import { clientIdOf, clientOf, deleteLease, encodeAnswer, type LeaseRecord, netnsOf, readLeases, saveLease } from './lease-record.ts'
import { RunningExchanges } from './running-exchanges.ts'
import { report } from './stderr.ts'
import { closeWire, macOf, openWire, setDown } from './wire.ts'

/** Called with the answer of a verb, or with what went wrong. */
export type Answer = (answer: JsonObject | CniError) => void

export class LeaseManager {
  readonly exchanges: RunningExchanges
  readonly #hostprefix: string
  readonly #directory: string
  readonly #leases = new Map<string, LeaseRecord>()

  /** Leases are saved in `directory`; those of an earlier daemon are taken over. */
  constructor(flags: DaemonFlags, directory: string) {
    this.exchanges = new RunningExchanges(flags)
    this.#hostprefix = flags.hostprefix
    this.#directory = directory
    for (const record of readLeases(directory)) this.#leases.set(clientIdOf(record.request), record)
    if (this.#leases.size > 0) report(`took over ${this.#leases.size} leases`)
  }

  /** Seconds of CLOCK_BOOTTIME; Infinity where nothing is due. */
  get dueAt(): number {
    const waiting = [...this.#leases.values()].filter(({ exchange }) => !exchange)
    return Math.min(this.exchanges.dueAt, ...waiting.map(({ dueAt }) => dueAt))
  }

  /** Does what is due. */
  tick(now: number): void {
    this.exchanges.tick(now)
    for (const record of [...this.#leases.values()]) if (!record.exchange && record.dueAt <= now) this.#extend(record, now)
  }

  /** Answers at once, or, for ADD, when the server has answered; the exchange that is returned may be cancelled until then. */
  serve(request: DaemonRequest, now: number, answer: Answer): Exchange | undefined {
    const record = this.#leases.get(clientIdOf(request))
    if (request.verb === 'ADD') return this.#acquire(request, record, now, answer)
    if (request.verb === 'DEL' && record) this.#release(record)
    if (request.verb === 'GC') this.#releaseStale(request)
    answer(request.verb === 'CHECK' ? this.#check(request, record) : {})
    return undefined
  }

  /** An ADD that is repeated has its lease already. Another interface of the same name is another client. */
  #acquire(request: DaemonRequest, record: LeaseRecord | undefined, now: number, answer: Answer): Exchange | undefined {
    const id = clientIdOf(request)
    if (record && record.request.netns === request.netns && record.lease.expiresAt > now && this.#hasInterface(record)) {
      answer(encodeAnswer(record.lease))
      return undefined
    }
    if (record) this.#drop(record)
    report(`${id}: acquiring lease`)
    return this.exchanges.start(request, now, undefined, (outcome) => {
      if (outcome instanceof CniError) {
        report(`${id}: ${formatError(outcome)}`)
        answer(outcome)
        return
      }
      const acquired: LeaseRecord = { request, lease: outcome, dueAt: outcome.renewAt, exchange: undefined }
      this.#leases.set(id, acquired)
      saveLease(this.#directory, acquired)
      report(`${id}: ${formatLease(outcome)} acquired for ${Math.round(outcome.expiresAt - bootSeconds())} s`)
      answer(encodeAnswer(outcome))
    })
  }

  #check(request: DaemonRequest, record: LeaseRecord | undefined): JsonObject | CniError {
    const id = clientIdOf(request)
    if (!record) return new CniError(ErrInternal, `no lease of ${id}`)
    return this.#hasInterface(record)
      ? encodeAnswer(record.lease)
      : new CniError(ErrInternal, `interface ${request.ifname} of ${id} is gone`)
  }

  /** RFC 2131 section 4.4.5. An interface that is gone needs no lease. */
  #extend(record: LeaseRecord, now: number): void {
    const { request, lease } = record
    if (!this.#hasInterface(record)) {
      report(`${clientIdOf(request)}: interface ${request.ifname} is gone, dropping its lease`)
      this.#drop(record)
      return
    }
    const phase = phaseOf(lease, now)
    if (phase === 'expired') this.#expire(record, 'expired')
    else if (!this.exchanges.hasRoom) record.dueAt = now + 1
    else this.#renew(record, phase, now)
  }

  #renew(record: LeaseRecord, phase: 'renewing' | 'rebinding', now: number): void {
    const { request, lease } = record
    const [server, endsAt] = phase === 'renewing' ? [lease.server, lease.rebindAt] : [BROADCAST, lease.expiresAt]
    const finish = (outcome: Outcome) => {
      record.exchange = undefined
      if (!(outcome instanceof CniError)) {
        record.lease = outcome
        record.dueAt = outcome.renewAt
        saveLease(this.#directory, record)
        report(`${clientIdOf(request)}: ${formatLease(outcome)} ${phase === 'renewing' ? 'renewed' : 'rebound'}`)
      } else if (outcome.code === ErrTryAgainLater) record.dueAt = endsAt
      else this.#expire(record, formatError(outcome))
    }
    try {
      record.exchange = this.exchanges.start(request, now, { lease, server, endsAt }, finish)
    } catch (error) {
      report(`${clientIdOf(request)}: cannot renew: ${formatError(toCniError(error))}`)
      record.dueAt = endsAt
    }
  }

  /** An address that may be another host's by now must not be used. */
  #expire(record: LeaseRecord, reason: string): void {
    const { request } = record
    report(`${clientIdOf(request)}: ${reason}: bringing ${request.ifname} down`)
    attempt(() => setDown(netnsOf(request, this.#hostprefix), request.ifname))
    this.#drop(record)
  }

  #release(record: LeaseRecord): void {
    const { request, lease } = record
    report(`${clientIdOf(request)}: releasing ${formatLease(lease)}`)
    this.#drop(record)
    attempt(() => {
      const wire = openWire(netnsOf(request, this.#hostprefix), request.ifname)
      try {
        sendRelease(wire, clientOf(request), lease)
      } finally {
        closeWire(wire)
      }
    })
  }

  #releaseStale({ network, valid }: DaemonRequest): void {
    const isValid = ({ containerId, ifname }: DaemonRequest) =>
      valid.some((entry) => entry.containerId === containerId && entry.ifname === ifname)
    const stale = [...this.#leases.values()].filter(({ request }) => request.network === network && !isValid(request))
    for (const record of stale) this.#release(record)
  }

  #drop({ request, exchange }: LeaseRecord): void {
    if (exchange) this.exchanges.cancel(exchange)
    this.#leases.delete(clientIdOf(request))
    deleteLease(this.#directory, request)
  }

  #hasInterface({ request }: LeaseRecord): boolean {
    return macOf(netnsOf(request, this.#hostprefix), request.ifname) !== undefined
  }
}

/** The lease goes, whether the server or the pod can be reached or not. */
function attempt(act: () => void): void {
  try {
    act()
  } catch (error) {
    report(formatError(toCniError(error)))
  }
}
