// Addresses and host ports of pods that are gone without DEL, released by the native program: `podwire ipam reclaim`.

import { isObject, type Json, parseJson } from '../../cni/json.ts'
import type { AgentConfig } from '../config.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import { sleep } from '../loop/backoff.ts'
import { callNative, pathFlags } from '../native/native.ts'
import type { AgentState } from '../report/agent-state.ts'

/** Milliseconds. A lease takes 2 to 3. */
const LIMIT = 300_000

/** Runs until `signal`, the first time after one interval; not at all where that is 0. */
export async function reclaimLeases(
  config: Pick<AgentConfig, 'native' | 'paths' | 'reclaim'>,
  agentState: Pick<AgentState, 'reclaimed'>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let reported = ''
  while (config.reclaim.interval > 0 && !signal.aborted) {
    await sleep(config.reclaim.interval * 1000, signal)
    if (signal.aborted) return
    const reason = await runOnce(config, agentState, log)
    if (reason !== reported && reason !== '') log.warn({ reason }, 'cannot reclaim all stale leases')
    reported = reason
  }
}

/** Why not all could be reclaimed, or ''. */
async function runOnce(
  { native, paths, reclaim }: Pick<AgentConfig, 'native' | 'paths' | 'reclaim'>,
  agentState: Pick<AgentState, 'reclaimed'>,
  log: Logger,
): Promise<string> {
  const args = ['ipam', 'reclaim', ...pathFlags(paths), '--grace', `${reclaim.grace}`, '-o', 'json']
  try {
    const report = await callNative(native, args, '', LIMIT, log, (text) => parseJson(text, 'the report of `ipam reclaim`'))
    const reclaimed = textsOf(report, 'reclaimed')
    agentState.reclaimed += reclaimed.length
    if (reclaimed.length > 0) log.info({ count: reclaimed.length, leases: reclaimed.slice(0, 20) }, 'stale leases reclaimed')
    const unseen = textsOf(report, 'unseen')
    if (unseen.length > 0) log.debug({ unseen: unseen.slice(0, 20) }, 'leases left alone: not all facts can be seen')
    return textsOf(report, 'problems').slice(0, 5).join('; ')
  } catch (error) {
    return reasonOf(error)
  }
}

/** `OBJECT: REASON` of each entry of the list. */
function textsOf(report: Json, key: string): string[] {
  const list = isObject(report) ? report[key] : undefined
  if (!Array.isArray(list)) return []
  return list.filter(isObject).map(({ object, reason, message }) => `${object}: ${reason ?? message}`)
}
