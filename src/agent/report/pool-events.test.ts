import { expect, it } from 'vitest'
import type { Request } from '../kube/request.ts'
import { PoolEvents } from './pool-events.ts'
import { nextPoolState, type PoolState } from './pool-level.ts'

it('events of a range are sent once a crossing, about the Node, and again when rejected', async () => {
  const sent: { reason: string; note: string; [more: string]: unknown }[] = []
  let rejections = 1
  const request: Request = async (method, path, body) => {
    if (rejections-- > 0) throw new Error('403 forbidden')
    expect(`${method} ${path}`).toBe('POST /apis/events.k8s.io/v1/namespaces/default/events')
    sent.push(body as (typeof sent)[number])
  }
  const events = new PoolEvents(request, 'n1', 'podwire-x')
  let pool: PoolState | undefined
  const observe = async (used: number, second: number) => {
    pool = nextPoolState(pool, { podCidr: '10.1.0.0/24', size: 253, used }, second * 1000)
    await events.update([pool])
  }
  await observe(200, 0)
  await expect(observe(230, 1)).rejects.toThrow('403')
  for (const [used, second] of [
    [230, 2],
    [253, 3],
    [252, 4],
    [253, 5],
    [240, 6],
    [240, 16],
    [100, 17],
    [100, 27],
  ] as const)
    await observe(used, second)
  expect(sent.map(({ reason, note }) => `${reason}: ${note.split(/[:;] /)[0]}`)).toEqual([
    'PodAddressesLow: 230 of 253 addresses of 10.1.0.0/24 are in use (90 %)',
    'PodAddressesExhausted: all 253 addresses of 10.1.0.0/24 are in use',
    'PodAddressesAvailable: 240 of 253 addresses of 10.1.0.0/24 are in use (94 %)',
  ])
  expect(sent[0]).toMatchObject({
    type: 'Warning',
    metadata: { generateName: 'n1-', namespace: 'default' },
    regarding: { kind: 'Node', name: 'n1', uid: 'n1' },
    reportingInstance: 'podwire-x',
  })
  expect(sent[0]?.regarding).not.toHaveProperty('namespace')
})
