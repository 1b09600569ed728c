import { describe, expect, it } from 'vitest'
import { Wake } from './signal.ts'

const { signal } = new AbortController()

describe('a wait', () => {
  it('ends when woken', async () => {
    const wake = new Wake()
    const waiting = wake.wait(60_000, signal)
    wake.wake()
    expect(await waiting).toBe(true)
  })

  it('ends at once when it was woken before, and once only', async () => {
    const wake = new Wake()
    wake.wake()
    wake.wake()
    expect(await wake.wait(60_000, signal)).toBe(true)
    expect(await wake.wait(1, signal)).toBe(false)
  })

  it('ends with its signal', async () => {
    expect(await new Wake().wait(60_000, AbortSignal.abort())).toBe(false)
  })
})
