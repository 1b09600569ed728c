import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Cause, Reconciler } from './reconcile.ts'

const log = pino({ level: 'silent' })

/** A reconciler whose passes take `milliseconds` and return `answers`, the last one again and again. */
function start(milliseconds: number, ...answers: boolean[]) {
  const stop = new AbortController()
  const passes: { at: number; causes: Cause[] }[] = []
  const began = performance.now()
  let running = 0
  let most = 0
  const pass = async (causes: ReadonlySet<Cause>) => {
    passes.push({ at: Math.round(performance.now() - began), causes: [...causes] })
    most = Math.max(most, ++running)
    await new Promise((done) => setTimeout(done, milliseconds))
    running--
    return answers[Math.min(passes.length, answers.length) - 1] ?? true
  }
  const reconciler = new Reconciler({ fullPass: 60, firstPass: 1000 }, log)
  const ended = reconciler.run(pass, () => {}, stop.signal)
  const end = () => {
    stop.abort()
    return ended
  }
  return { reconciler, passes, mostAtOnce: () => most, stop: end }
}

describe('the reconciler', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  it('makes a full pass when the first wait is over, and each minute', async () => {
    const { passes, stop } = start(10)
    await vi.advanceTimersByTimeAsync(122_000)
    expect(passes).toEqual([
      { at: 1000, causes: ['full'] },
      { at: 61_000, causes: ['full'] },
      { at: 121_000, causes: ['full'] },
    ])
    await stop()
  })

  it('makes a pass at once for the first event, and one for all that come during it', async () => {
    const { reconciler, passes, mostAtOnce, stop } = start(100)
    await vi.advanceTimersByTimeAsync(200)
    reconciler.mark('nodes')
    await vi.advanceTimersByTimeAsync(50)
    for (let i = 0; i < 20; i++) reconciler.mark('nodes')
    reconciler.mark('kernel')
    await vi.advanceTimersByTimeAsync(500)
    expect(passes).toEqual([
      { at: 200, causes: ['nodes'] },
      { at: 300, causes: ['nodes', 'kernel'] },
    ])
    expect(mostAtOnce()).toBe(1)
    await stop()
  })

  it('rests as long as it works when events come without an end', async () => {
    const { reconciler, passes, stop } = start(100)
    for (let i = 0; i < 110; i++) {
      reconciler.mark('nodes')
      await vi.advanceTimersByTimeAsync(10)
    }
    const ended = stop()
    await vi.advanceTimersByTimeAsync(100)
    await ended
    expect(passes.map(({ at }) => at)).toEqual([0, 100, 200, 300, 400, 500, 700, 900, 1100])
  })

  it('retries a failed pass with backoff, and makes the full pass in time', async () => {
    const { reconciler, passes, stop } = start(0, false)
    reconciler.mark('nodes')
    await vi.advanceTimersByTimeAsync(8_000)
    // Three quarters of 1, 2, 4 s, since the dice show the middle.
    expect(passes.map(({ at }) => Math.round(at / 50) * 50)).toEqual([0, 750, 2250, 5250])
    await stop()
  })

  it('waits for the running pass when it stops', async () => {
    const { reconciler, passes, stop } = start(100)
    reconciler.mark('nodes')
    await vi.advanceTimersByTimeAsync(10)
    const ended = stop()
    await vi.advanceTimersByTimeAsync(200)
    await ended
    expect(passes).toHaveLength(1)
  })
})
