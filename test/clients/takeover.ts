// One take-over: pods that one maker attached, and what comes of them when the other goes on.

import { vi } from 'vitest'
import { callMember, type Maker, type Member } from '../harness/chained.ts'
import type { Host, Pod } from '../harness/netns.ts'
import { compareStates, observeState, type State } from './observed-state.ts'

/** How the taker removes a pod. */
export const removals = ['DEL', 'DEL without prevResult', 'DEL without the namespace', 'GC'] as const
export type Removal = (typeof removals)[number]

export interface Turn {
  /** The last is taken over; those before it are always ours. */
  readonly chain: readonly Member[]
  readonly maker: Maker
  readonly taker: Maker
  readonly removals: readonly Removal[]
  /** 0.4.0 or later: older ones have no CHECK. */
  readonly cniVersion: string
  /** What stays after a DEL, by either maker, until the interface goes. */
  readonly stays?: RegExp | undefined
}

/** What is not as it would be with one maker alone: the step → what was said, or what differs. Nothing where all is well. */
export type Faults = Record<string, string>

interface Attached {
  readonly pod: Pod
  readonly result: unknown
}

/**
 * On a host where both have been at work, next to a pod that the taker made: the maker attaches pods, both check, the taker removes them, one in
 * each way, and again. What then is there has to be what was there before.
 */
export async function takeOver(host: Host, turn: Turn): Promise<Faults> {
  const { chain, maker, taker, stays } = turn
  const faults: Faults = {}
  const subject = chain.at(-1) as Member
  const before = chain.slice(0, -1)
  const call = async (step: string, verb: string, member: Member, pod: Pick<Pod, 'name' | 'netns'>, prevResult: unknown, by: Maker) => {
    const network = { cniVersion: turn.cniVersion, name: 'net' }
    const { status, stdout, stderr, json } = await callMember(host, verb, { ...member, maker: by }, pod, prevResult, network)
    // What is logged is no fault.
    if (status !== 0) faults[`${step} by ${by}`] = stdout + stderr || `status ${status}`
    else if (verb !== 'ADD' && stdout) faults[`${step} by ${by}`] = stdout
    return json
  }
  const compare = (step: string, left: State, right: State, without?: RegExp) => {
    const changed = Object.entries(compareStates(left, right)).filter(([path]) => !without?.test(path))
    if (changed.length > 0) faults[step] = changed.map(([path, [was, is]]) => `${path}: ${was} → ${is}`).join('\n')
  }
  const attachBase = async (pod: Pod) => {
    let result: unknown
    for (const member of before) result = await call(`ADD of ${member.type}`, 'ADD', member, pod, result, 'ours')
    return result
  }
  const detachBase = async (pod: Pick<Pod, 'name' | 'netns'>, result: unknown) => {
    for (const member of before.toReversed()) await call(`DEL of ${member.type}`, 'DEL', member, pod, result, 'ours')
  }
  const attach = async (title: string, by: Maker, member = subject): Promise<Attached> => {
    const pod = await host.pod()
    return { pod, result: await call(`${title}: ADD`, 'ADD', member, pod, await attachBase(pod), by) }
  }
  const detach = async (title: string, { pod, result }: Attached, by: Maker, member = subject) => {
    await call(`${title}: DEL`, 'DEL', member, pod, result, by)
    await detachBase(pod, result)
  }

  // What is made for all and stays is made by both.
  for (const by of ['go', 'ours'] as const) await detach('first', await attach('first', by), by)
  const watched = await host.pod()
  const clean = await observe(host, watched)
  const neighbour = await attach('neighbour', taker, otherwise(subject))
  const alone = await observe(host, neighbour.pod)

  const removeFrom = async (pod: Pod, result: unknown, start: State, removal: 'DEL' | 'DEL without prevResult') => {
    const known = removal === 'DEL' ? result : undefined
    await call(removal, 'DEL', subject, pod, known, taker)
    compare(`${removal} leaves`, start, await observe(host, pod), stays)
    for (const by of [maker, taker]) await call(`${removal} again`, 'DEL', subject, pod, known, by)
    await detachBase(pod, result)
    await host.run('ip', 'netns', 'del', pod.name)
  }
  const removeWhatIsGone = async (pod: Pod, result: unknown, removal: 'DEL without the namespace' | 'GC') => {
    await host.run('ip', 'netns', 'del', pod.name)
    const gone = { name: pod.name, netns: '' }
    const alive = [{ containerID: neighbour.pod.name, ifname: 'eth0' }]
    // A namespace goes some time after its name: the kernel takes its links in the background, and GC leaves the rules of a link that exists.
    const pairsGone = async () => pairs(await observe(host, neighbour.pod)) === pairs(alone)
    if (removal === 'GC') await vi.waitUntil(pairsGone, 10_000).catch(() => {})
    if (removal === 'GC') await call(removal, 'GC', { ...subject, 'cni.dev/valid-attachments': alive }, gone, undefined, taker)
    else await call(removal, 'DEL', subject, gone, result, taker)
    await detachBase(gone, result)
    await vi.waitUntil(pairsGone, 10_000).catch(() => {})
    compare(`${removal} leaves`, alone, await observe(host, neighbour.pod))
    // As a runtime does that learns of the dead pod after it has sent GC.
    if (removal === 'GC') await call('DEL after GC', 'DEL', subject, gone, result, taker)
  }

  for (const removal of turn.removals) {
    const pod = await host.pod()
    const base = await attachBase(pod)
    const start = await observe(host, pod)
    const result = await call('ADD', 'ADD', subject, pod, base, maker)
    if (removal === 'DEL') {
      const made = await observe(host, pod)
      for (const by of [maker, taker]) await call('CHECK', 'CHECK', subject, pod, result, by)
      const both = [pod, neighbour.pod].map(({ name }) => ({ containerID: name, ifname: 'eth0' }))
      if (taker === 'ours') await call('GC of nothing', 'GC', { ...subject, 'cni.dev/valid-attachments': both }, pod, undefined, taker)
      compare('CHECK and GC change', made, await observe(host, pod))
    }
    if (removal === 'DEL' || removal === 'DEL without prevResult') await removeFrom(pod, result, start, removal)
    else await removeWhatIsGone(pod, result, removal)
  }
  await call('neighbour: CHECK', 'CHECK', otherwise(subject), neighbour.pod, neighbour.result, taker)
  await detach('neighbour', neighbour, maker, otherwise(subject))
  compare('in the end', clean, await observe(host, watched))
  return faults
}

const pairs = (state: State) => state['host links: vethX']

/** Two pods cannot have one port, nor on one wire one MAC. */
function otherwise(member: Member): Member {
  const { runtimeConfig, mac } = member as { mac?: string; runtimeConfig?: { portMappings?: readonly { hostPort: number }[] } }
  if (mac) return { ...member, mac: '02:00:00:00:00:0a' }
  if (!runtimeConfig?.portMappings) return member
  return {
    ...member,
    runtimeConfig: { portMappings: runtimeConfig.portMappings.map((one) => ({ ...one, hostPort: one.hostPort + 1000 })) },
  }
}

/** But for what moves on: the address that is handed out next, and files that only say who is at work. */
async function observe(host: Host, pod: Pod): Promise<State> {
  const state = await observeState(host, pod, 'net')
  return Object.fromEntries(
    Object.entries(state).filter(([path]) => !/^(leases: |records: .*\/)(last_reserved_ip|lock|\.owners)/.test(path)),
  )
}
