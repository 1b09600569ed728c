import { describe, expect, it } from 'vitest'
import type { Request } from '../kube/request.ts'
import { makeLog } from '../log.ts'
import { type AgentState, newAgentState } from './agent-state.ts'
import { Events, notReadyOf, podOf, reportToKubernetes } from './kubernetes.ts'

const pod = { namespace: 'net', name: 'podwire-x', uid: '1234' }
const log = makeLog('silent', 'n1')

interface Sent {
  readonly what: string
  readonly body: unknown
}

/** Accepts every request but those that `reject` matches. */
function recorder(reject: (what: string) => boolean = () => false): { sent: Sent[]; request: Request } {
  const sent: Sent[] = []
  const request: Request = async (method, path, body) => {
    sent.push({ what: `${method} ${path}`, body })
    if (reject(path)) throw new Error('403 forbidden')
  }
  return { sent, request }
}

function readyAgentState(): AgentState {
  const agentState = newAgentState('n1', 'kubernetes', true)
  agentState.podCidrs = ['10.1.0.0/24']
  agentState.apply.lastAt = 1
  agentState.conflist.published = true
  return agentState
}

const notReady = { kind: 'routes', message: 'routes: 2 of 3 are missing' }
const none = { kind: '', message: '' }

describe('events', () => {
  const notes = (sent: readonly Sent[]) =>
    sent.map(({ body }) => body as { type: string; note: string }).map(({ type, note }) => `${type} ${note}`)

  it('report a lasting failure once, and its end', async () => {
    const { sent, request } = recorder()
    const events = new Events(request, pod)
    const looks = [
      [none, 0],
      [notReady, 1],
      [notReady, 10_000],
      [notReady, 15_001],
      [{ ...notReady, message: 'routes: 1 of 3 are missing' }, 100_000],
      [none, 100_001],
      [none, 115_001],
      [none, 200_000],
    ] as const
    for (const [what, at] of looks) await events.update(what, at)
    expect(notes(sent)).toEqual(['Warning routes: 2 of 3 are missing', 'Normal this node can serve pods'])
    expect(sent[0]).toMatchObject({
      what: 'POST /apis/events.k8s.io/v1/namespaces/net/events',
      body: {
        metadata: { generateName: 'podwire-x-', namespace: 'net' },
        regarding: { kind: 'Pod', ...pod },
        reason: 'NetworkNotReady',
        eventTime: expect.stringMatching(/\.\d{6}Z$/),
      },
    })
  })

  it('do not report short failures, nor a clean start', async () => {
    const { sent, request } = recorder()
    const events = new Events(request, pod)
    for (let at = 0; at < 300_000; at += 10_000) await events.update(at % 20_000 === 0 ? notReady : none, at)
    expect(sent).toEqual([])
  })

  it('are at most one a minute', async () => {
    const { sent, request } = recorder()
    const events = new Events(request, pod)
    for (let at = 0; at < 240_000; at += 1_000) await events.update({ kind: `kind ${Math.floor(at / 16_000)}`, message: 'm' }, at)
    expect(sent.length).toBeLessThanOrEqual(4)
    expect(sent.length).toBeGreaterThanOrEqual(2)
  })

  it('are retried when the API server rejects them', async () => {
    let rejects = true
    const { sent, request } = recorder(() => rejects)
    const events = new Events(request, pod)
    await events.update(notReady, 0)
    await expect(events.update(notReady, 20_000)).rejects.toThrow('403')
    rejects = false
    await events.update(notReady, 21_000)
    await events.update(notReady, 99_000)
    expect(sent).toHaveLength(2)
  })

  it('are short enough for the API', async () => {
    const { sent, request } = recorder()
    const events = new Events(request, pod)
    await events.update({ kind: 'k', message: 'ö'.repeat(2000) }, 0)
    await events.update({ kind: 'k', message: 'ö'.repeat(2000) }, 20_000)
    const [note = ''] = notes(sent)
    expect(note).toContain('öö')
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024)
  })
})

describe('notReadyOf', () => {
  it('names what is not ready, with the errors of kernel and API server', () => {
    const agentState = newAgentState('n1', 'kubernetes', true)
    agentState.source.state = 'waiting'
    agentState.source.why = 'GET /api/v1/nodes: 403 forbidden'
    agentState.apply.problems = [{ kind: 'route', object: 'r', message: 'add route: Operation not permitted', failed: true }]
    const { kind, message } = notReadyOf(agentState)
    expect(kind).toBe('podCIDR,routes,masquerade,conflist')
    expect(message).toContain('403 forbidden')
    expect(message).toContain('Operation not permitted')
  })

  it('is empty when the node is ready', () => {
    expect(notReadyOf(readyAgentState())).toEqual({ kind: '', message: '' })
  })

  it("names another network's conflist that sorts first", () => {
    const agentState = readyAgentState()
    agentState.conflist.report = {
      changed: false,
      published: true,
      path: '/c',
      sha256: 'x',
      others: [{ file: '05-other.conf', wins: true, action: 'left' }],
      problems: [],
    }
    expect(notReadyOf(agentState).message).toContain("the runtime uses 05-other.conf, which sorts before podwire's")
  })
})

describe('reportToKubernetes', () => {
  it('clears the condition once, when the node is ready', async () => {
    const { sent, request } = recorder()
    const [agentState, stop] = [newAgentState('n1', 'kubernetes', true), new AbortController()]
    const running = reportToKubernetes({ networkUnavailable: true, events: false }, agentState, request, undefined, log, stop.signal)
    expect(sent).toEqual([])
    Object.assign(agentState, { podCidrs: ['10.1.0.0/24'] })
    agentState.apply.lastAt = 1
    agentState.conflist.published = true
    await expect.poll(() => sent.length, { timeout: 5_000 }).toBe(1)
    await new Promise((done) => setTimeout(done, 1_500))
    stop.abort()
    await running
    expect(sent).toMatchObject([
      { what: 'PATCH /api/v1/nodes/n1/status', body: { status: { conditions: [{ type: 'NetworkUnavailable', status: 'False' }] } } },
    ])
  })

  it('retries when the API server rejects it', async () => {
    let attempts = 0
    const { sent, request } = recorder(() => ++attempts === 1)
    const stop = new AbortController()
    const running = reportToKubernetes({ networkUnavailable: true, events: false }, readyAgentState(), request, undefined, log, stop.signal)
    await expect.poll(() => sent.length, { timeout: 5_000 }).toBe(2)
    stop.abort()
    await running
  })

  it('writes nothing when it is not configured', async () => {
    const { sent, request } = recorder()
    await reportToKubernetes(
      { networkUnavailable: false, events: true },
      readyAgentState(),
      request,
      undefined,
      log,
      new AbortController().signal,
    )
    expect(sent).toEqual([])
  })
})

it('podOf wants all three', () => {
  expect(podOf({ POD_NAMESPACE: 'net', POD_NAME: 'podwire-x', POD_UID: '1234' })).toEqual(pod)
  expect(podOf({ POD_NAMESPACE: 'net', POD_NAME: 'podwire-x' })).toBeUndefined()
})
