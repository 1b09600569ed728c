import { describe, expect, it } from 'vitest'
import { aborted, backoff, jittered, sleep } from './backoff.ts'

describe('waiting', () => {
  it('doubles up to the limit, and begins again after a reset', () => {
    const wait = backoff(200, 1000, () => 1)
    expect([wait.next(), wait.next(), wait.next(), wait.next(), wait.next()]).toEqual([200, 400, 800, 1000, 1000])
    wait.reset()
    expect(wait.next()).toBe(200)
  })

  it('is drawn from the upper half', () => {
    expect(backoff(200, 1000, () => 0).next()).toBe(100)
  })

  it('is never shorter than requested', () => {
    expect(backoff(200, 1000, () => 0).next(5000)).toBe(5000)
    expect(backoff(200, 1000, () => 1).next(5000)).toBe(6250)
    expect(backoff(200, 1000, () => 1).next(10)).toBe(200)
  })

  it('is 10 % to either side for what is periodic', () => {
    expect([jittered(60, () => 0), jittered(60, () => 1)]).toEqual([54_000, 66_000])
  })

  it('ends with its signal, without an error', async () => {
    const stop = new AbortController()
    const waiting = sleep(60_000, stop.signal)
    stop.abort()
    await expect(waiting).resolves.toBeUndefined()
    await expect(sleep(60_000, stop.signal)).resolves.toBeUndefined()
  })

  it('for a signal ends at once when the signal came before', async () => {
    const stop = new AbortController()
    const waiting = aborted(stop.signal)
    stop.abort()
    await expect(waiting).resolves.toBeUndefined()
    await expect(aborted(stop.signal)).resolves.toBeUndefined()
  })
})
