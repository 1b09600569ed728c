import { describe, expect, it } from 'vitest'
import { Notifier } from './signal.ts'

const { signal } = new AbortController()

describe('a wait', () => {
  it('ends when notified', async () => {
    const notifier = new Notifier()
    const waiting = notifier.wait(60_000, signal)
    notifier.notify()
    expect(await waiting).toBe(true)
  })

  it('ends at once, and once only, when it was notified before', async () => {
    const notifier = new Notifier()
    notifier.notify()
    notifier.notify()
    expect(await notifier.wait(60_000, signal)).toBe(true)
    expect(await notifier.wait(1, signal)).toBe(false)
  })

  it('ends with its signal', async () => {
    expect(await new Notifier().wait(60_000, AbortSignal.abort())).toBe(false)
  })
})
