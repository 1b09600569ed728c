// Reads the use of the node's ranges each second into the agent's state, since a runtime does not report that a pool is exhausted.

import { constants } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { leaseRoot } from '../../contract/paths.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import { sleep } from '../loop/backoff.ts'
import type { AgentState } from './agent-state.ts'
import { poolUse } from './pool.ts'
import { describePool, nextPoolState } from './pool-level.ts'

/** Milliseconds. */
const PERIOD = 1_000
/** Between two counts of directories that look unchanged: their times are no finer than the kernel's tick. */
const RECOUNT = 10_000
/** Milliseconds without a problem before the last one is over. */
const CALM = 10_000

/** Runs until `signal`. */
export async function watchPools(runDir: string, agentState: AgentState, log: Logger, signal: AbortSignal): Promise<void> {
  let seen = ''
  let counted = Number.NEGATIVE_INFINITY
  let problemAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const now = performance.now()
    const problem = await leaseProblem(leaseRoot({ runDir }))
    if (problem) problemAt = now
    if (problem || now - problemAt >= CALM) setProblem(agentState, problem, log)
    const found = `${agentState.podCidrs.join()} ${await fingerprint(leaseRoot({ runDir }))}`
    if (found !== seen || now - counted >= RECOUNT || agentState.pools.some(({ level }) => level !== 'free')) {
      await count(runDir, agentState, now, log)
      seen = found
      counted = now
    }
    await sleep(PERIOD, signal)
  }
}

async function count(runDir: string, agentState: AgentState, now: number, log: Logger): Promise<void> {
  const before = new Map(agentState.pools.map((pool) => [pool.podCidr, pool]))
  agentState.pools = (await poolUse(runDir, agentState.podCidrs)).map((use) => nextPoolState(before.get(use.podCidr), use, now))
  for (const pool of agentState.pools) {
    const last = before.get(pool.podCidr)?.level ?? 'free'
    if (pool.level === last) continue
    if (pool.level === 'exhausted') agentState.exhaustions.set(pool.podCidr, (agentState.exhaustions.get(pool.podCidr) ?? 0) + 1)
    const { podCidr, size, used, level } = pool
    log[level === 'exhausted' || last === 'free' ? 'warn' : 'info']({ podCidr, size, used, level }, describePool(pool))
  }
}

function setProblem(agentState: AgentState, problem: string, log: Logger): void {
  if (problem === agentState.leaseProblem) return
  if (problem) log.warn({ reason: problem }, 'no address can be allocated')
  else log.info('addresses can be allocated again')
  agentState.leaseProblem = problem
}

/** Why ADD could not write a lease; '' where it could. It makes a missing directory. */
async function leaseProblem(directory: string): Promise<string> {
  try {
    // The dot makes a file in the directory's place ENOTDIR.
    await access(`${directory}/.`, constants.W_OK | constants.X_OK)
    return ''
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (isMissing && dirname(directory) !== directory) return leaseProblem(dirname(directory))
    return `the directory of the leases cannot be used: ${reasonOf(error)}`
  }
}

/** Changes with each lease that comes or goes. */
async function fingerprint(root: string): Promise<string> {
  const networks = await readdir(root).catch(() => [])
  const times = await Promise.all(networks.map((network) => changed(join(root, network))))
  return times.join()
}

async function changed(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(
    // Not mtime: the lease store sets that to a value of its own.
    ({ ino, ctimeNs }) => `${ino} ${ctimeNs}`,
    () => 'absent',
  )
}
