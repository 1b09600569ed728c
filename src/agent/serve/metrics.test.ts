import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { newAgentState } from '../report/agent-state.ts'
import { makeMetrics } from './metrics.ts'

function make() {
  const agentState = newAgentState('self', 'kubernetes', true)
  return { agentState, metrics: makeMetrics({ agentState, runDir: '/absent', bytesRead: () => 12 }) }
}

describe('the metrics', () => {
  it('are those of docs/metrics.md, with their types and labels', async () => {
    const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
    const documented = [...page.matchAll(/^\| `([a-z_]+)(?:\{([a-z_, ]+)\})?` \| (\w+) \|/gm)].map(
      ([, name, labels = '', type]) => `${name} ${type} ${labels}`,
    )
    const registered = make()
      .metrics.registry.getMetricsAsArray()
      .map((metric) => {
        // prom-client keeps them, and has no type for that.
        const { name, type, labelNames } = { labelNames: [], ...metric } as unknown as { name: string; type: string; labelNames: string[] }
        return `${name} ${type} ${labelNames.join(', ')}`
      })
    expect(documented.sort()).toEqual(registered.sort())
  })

  it('report the state of the agent', async () => {
    const { agentState, metrics } = make()
    agentState.podCidrs = ['10.1.0.0/24']
    agentState.drift.set('route', 3)
    agentState.planProblems = [
      { kind: 'no-pod-cidr', object: 'a', message: '', failed: false },
      { kind: 'no-pod-cidr', object: 'b', message: '', failed: false },
    ]
    metrics.applied(0.02, ['route', 'timeout', 'route'])
    const text = await metrics.registry.metrics()
    for (const line of [
      'podwire_drift_repairs_total{kind="route"} 3',
      'podwire_node_problems{kind="no-pod-cidr"} 2',
      'podwire_reconcile_errors_total{kind="route"} 2',
      'podwire_reconcile_duration_seconds_bucket{le="0.025"} 1',
      'podwire_reconcile_last_success_timestamp_seconds 0',
      'podwire_pool_addresses{range="10.1.0.0/24"} 253',
      'podwire_api_read_bytes_total 12',
      'podwire_ready 0',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    // Asked again, nothing is counted twice.
    expect(await metrics.registry.metrics()).toContain('podwire_drift_repairs_total{kind="route"} 3')
  })
})
