import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { ProblemLog } from './log.ts'

describe('the log of problems', () => {
  it('logs each once when it appears, and once when it is resolved', () => {
    const logged: string[] = []
    const log = new ProblemLog(
      pino(
        { level: 'info' },
        {
          write(line: string) {
            const { level, object, msg } = JSON.parse(line)
            logged.push(`${level} ${object} ${msg}`)
          },
        },
      ),
    )
    const problem = (object: string) => ({ kind: 'no-pod-cidr', object, message: 'it has no podCIDR yet', failed: false })
    log.report([problem('a'), problem('b')])
    log.report([problem('a'), problem('b')])
    expect(logged).toEqual(['40 a it has no podCIDR yet', '40 b it has no podCIDR yet'])
    logged.length = 0
    log.report([problem('b'), problem('c')])
    log.report([problem('c'), problem('b')])
    expect(logged).toEqual(['40 c it has no podCIDR yet', '30 a resolved: it has no podCIDR yet'])
  })
})
