// A chain of plugins as a runtime calls it: each gets the result of the one before, DEL goes backwards.

import { expect } from 'vitest'
import { goPath } from '../clients/available.ts'
import { type CniOptions, type CniOutcome, type Host, type Pod, pluginPath } from './netns.ts'

export type Maker = 'ours' | 'go'

/** A member: its configuration without version and name, and whose it is. */
export interface Member {
  readonly type: string
  readonly maker?: Maker
  readonly [key: string]: unknown
}

export interface Network {
  readonly cniVersion?: string
  readonly name?: string
}

/** A result as the tests look at it; the oldest versions have another shape. */
export interface Answer {
  readonly cniVersion: string
  readonly interfaces: readonly { readonly name: string; readonly mac?: string; readonly mtu?: number; readonly sandbox?: string }[]
  readonly ips: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[]
}

/** The pod's network before what is tested: a bridge with a subnet of either family. */
export const bridge: Member = {
  type: 'bridge',
  bridge: 'br0',
  isDefaultGateway: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]], dataDir: '/run/leases' },
}

/** One call of a member, with or without a result of the ones before. */
export function callMember(
  host: Host,
  verb: string,
  member: Member,
  pod: Pick<Pod, 'name' | 'netns'>,
  prevResult: unknown,
  network: Network = {},
  options: CniOptions = {},
): Promise<CniOutcome> {
  const { maker = 'ours', ...own } = member
  const { cniVersion = '1.1.0', name = 'net' } = network
  const config = { cniVersion, name, ...own, ...(prevResult !== undefined && { prevResult }) }
  const path = maker === 'ours' ? pluginPath : `${goPath}:${pluginPath}`
  return host.cni(member.type, verb, config, { netns: pod.netns, id: pod.name, path, ...options })
}

/** ADD of all; each has to succeed. Returns every member's result, the last is the chain's. */
export async function addChain(
  host: Host,
  members: readonly Member[],
  pod: Pod,
  network?: Network,
  options?: CniOptions,
): Promise<Answer[]> {
  const results: Answer[] = []
  for (const member of members) {
    const outcome = await callMember(host, 'ADD', member, pod, results.at(-1), network, options)
    expect({ status: outcome.status, stdout: outcome.status ? outcome.stdout + outcome.stderr : '' }, member.type).toEqual({
      status: 0,
      stdout: '',
    })
    results.push(outcome.json as Answer)
  }
  return results
}

/** CHECK in order, or DEL backwards, of all; each has to succeed. */
export async function forAll(
  host: Host,
  verb: 'CHECK' | 'DEL',
  members: readonly Member[],
  pod: Pick<Pod, 'name' | 'netns'>,
  prevResult: unknown,
  network?: Network,
  options?: CniOptions,
): Promise<void> {
  for (const member of verb === 'DEL' ? members.toReversed() : members) {
    const outcome = await callMember(host, verb, member, pod, prevResult, network, options)
    expect({ status: outcome.status, said: outcome.stdout + outcome.stderr }, `${verb} of ${member.type}`).toEqual({ status: 0, said: '' })
  }
}

/** A call that has to fail as CNI wants it. */
export async function refused(
  outcome: Promise<CniOutcome>,
): Promise<{ readonly code: number; readonly msg: string; readonly details?: string }> {
  const { status, json, stdout } = await outcome
  expect(status, stdout).toBe(1)
  return json as { readonly code: number; readonly msg: string; readonly details?: string }
}

/** A pod whose namespace is gone. */
export const goneWith = (pod: Pod) => ({ name: pod.name, netns: '' })
