import { describe, expect, it } from 'vitest'
import type { Request } from '../kube/request.ts'
import { type AgentState, newAgentState } from './agent-state.ts'
import { NetworkCondition } from './condition.ts'
import { nextPoolState } from './pool-level.ts'

/** What is written, as `status reason`, and the messages. */
function recorder(rejections = 0): { readonly written: string[]; readonly messages: string[]; readonly request: Request } {
  const [written, messages]: [string[], string[]] = [[], []]
  let left = rejections
  const request: Request = async (_method, path, body) => {
    if (left-- > 0) throw new Error('403 forbidden')
    expect(path).toBe('/api/v1/nodes/n1/status')
    const { status } = body as { status: { conditions: { type: string; status: string; reason: string; message: string }[] } }
    for (const condition of status.conditions) {
      expect(condition.type).toBe('NetworkUnavailable')
      written.push(`${condition.status} ${condition.reason}`)
      messages.push(condition.message)
    }
  }
  return { written, messages, request }
}

const use = (used: number, podCidr = '10.1.0.0/29') => nextPoolState(undefined, { podCidr, size: 5, used }, 0)

function setReady(agentState: AgentState, isReady: boolean): void {
  agentState.podCidrs = ['10.1.0.0/29']
  agentState.apply.lastAt = 1
  agentState.apply.routes = { desired: 1, actual: isReady ? 1 : 0 }
  agentState.conflist.published = true
}

describe('the condition', () => {
  it('is False once when the node is ready, True while addresses are exhausted, and False again', async () => {
    const { written, messages, request } = recorder()
    const [agentState, condition] = [newAgentState('n1', 'kubernetes', true), new NetworkCondition(request)]
    const update = async (pools = agentState.pools) => {
      agentState.pools = pools
      await condition.update(agentState)
      await condition.update(agentState)
    }
    await update()
    expect(written).toEqual([])
    setReady(agentState, true)
    await update()
    await update([use(4)])
    await update([use(4, 'fd00::/125'), use(5)])
    expect(messages[1]).toContain('all 5 addresses of 10.1.0.0/29 are in use: no pod can start here')
    expect(messages[1]).not.toContain('fd00::')
    // Once set up, a route that is missing later does not keep pods away.
    setReady(agentState, false)
    await update([use(4)])
    expect(written).toEqual(['False PodwireIsReady', 'True PodAddressesExhausted', 'False PodwireIsReady'])
  })

  it('stays as it is after exhaustion where the node has never been ready', async () => {
    const { written, request } = recorder()
    const [agentState, condition] = [newAgentState('n1', 'kubernetes', true), new NetworkCondition(request)]
    agentState.pools = [use(5)]
    await condition.update(agentState)
    agentState.pools = [use(0)]
    await condition.update(agentState)
    expect(written).toEqual(['True PodAddressesExhausted'])
  })

  it('has a reason of its own where no lease can be written', async () => {
    const { written, messages, request } = recorder()
    const [agentState, condition] = [newAgentState('n1', 'kubernetes', true), new NetworkCondition(request)]
    setReady(agentState, true)
    agentState.leaseProblem = 'EROFS: read-only file system'
    await condition.update(agentState)
    agentState.leaseProblem = ''
    await condition.update(agentState)
    expect(written).toEqual(['True PodAddressesUnavailable', 'False PodwireIsReady'])
    expect(messages[0]).toContain('EROFS')
  })

  it('is written again when the API server rejected it', async () => {
    const { written, request } = recorder(1)
    const [agentState, condition] = [newAgentState('n1', 'kubernetes', true), new NetworkCondition(request)]
    agentState.pools = [use(5)]
    await expect(condition.update(agentState)).rejects.toThrow('403')
    await condition.update(agentState)
    expect(written).toEqual(['True PodAddressesExhausted'])
  })
})
