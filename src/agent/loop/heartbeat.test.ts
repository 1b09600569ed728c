import { describe, expect, it } from 'vitest'
import { Heartbeats } from './heartbeat.ts'

describe('heartbeats', () => {
  it('name the loops that are silent for too long, until they beat again', () => {
    const heartbeats = new Heartbeats()
    const beat = heartbeats.loop('nodes', 5_000)
    heartbeats.loop('reconcile', 60_000)
    const now = performance.now()
    expect(heartbeats.stuck(now + 4_000)).toEqual([])
    expect(heartbeats.stuck(now + 7_000)).toEqual(['nodes: silent for 7 s, at most 5 s are normal'])
    expect(heartbeats.stuck(now + 61_000)).toHaveLength(2)
    beat()
    expect(heartbeats.stuck()).toEqual([])
  })
})
