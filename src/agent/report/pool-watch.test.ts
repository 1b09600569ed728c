import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeLog } from '../log.ts'
import { type AgentState, newAgentState } from './agent-state.ts'
import { watchPools } from './pool-watch.ts'

let runDir: string
let agentState: AgentState
let stop: AbortController
let running: Promise<void>

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'podwire-pools-'))
  agentState = newAgentState('n1', 'kubernetes', true)
  agentState.podCidrs = ['10.1.0.0/29', 'fd00::/120']
  stop = new AbortController()
})

afterEach(async () => {
  stop.abort()
  await running
  rmSync(runDir, { recursive: true })
})

const start = () => {
  running = watchPools(runDir, agentState, makeLog('silent', 'n1'), stop.signal)
}

it('finds within a second or two that a pool is exhausted, and counts it', async () => {
  start()
  await expect
    .poll(() => agentState.pools.map(({ used, level }) => [used, level]))
    .toEqual([
      [0, 'free'],
      [0, 'free'],
    ])
  mkdirSync(join(runDir, 'leases/podwire'), { recursive: true })
  for (let i = 2; i <= 6; i++) writeFileSync(join(runDir, `leases/podwire/10.1.0.${i}`), 'x')
  await expect.poll(() => agentState.pools.map(({ level }) => level), { timeout: 5000 }).toEqual(['exhausted', 'free'])
  expect(agentState.pools[0]).toMatchObject({ podCidr: '10.1.0.0/29', size: 5, used: 5 })
  expect([...agentState.exhaustions]).toEqual([['10.1.0.0/29', 1]])
  expect(agentState.leaseProblem).toBe('')
})

it('finds it in a directory of which the lease store has set the time', async () => {
  const directory = join(runDir, 'leases/podwire')
  mkdirSync(directory, { recursive: true })
  utimesSync(directory, 1, 1)
  start()
  await expect.poll(() => agentState.pools[0]?.level).toBe('free')
  for (let i = 2; i <= 6; i++) writeFileSync(join(directory, `10.1.0.${i}`), 'x')
  utimesSync(directory, 1, 1)
  await expect.poll(() => agentState.pools[0]?.level, { timeout: 5000 }).toBe('exhausted')
})

it('reports that no lease can be written', async () => {
  writeFileSync(join(runDir, 'leases'), '')
  start()
  await expect.poll(() => agentState.leaseProblem).toMatch(/directory of the leases cannot be used: .*ENOTDIR/)
})
