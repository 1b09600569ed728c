import { describe, expect, it } from 'vitest'
import { choose, focusOf, parseSkipList, parseTexts } from './choose.ts'

const tests = [
  '[sig-network] DNS should resolve [Conformance]',
  '[sig-network] Services should work (session affinity) [LinuxOnly]',
  '[sig-network] LoadBalancers [Feature:LoadBalancer] should work',
  '[sig-node] Pods should start [Conformance]',
]
const cloud = { text: '[Feature:LoadBalancer]', reason: 'needs a cloud' }

describe('choose', () => {
  it('runs all network tests but those that a line skips, with its reason', () => {
    expect(choose(tests, 'all', [cloud])).toEqual({
      run: [tests[0], tests[1]],
      skipped: [{ test: tests[2], reason: 'needs a cloud' }],
    })
  })

  it('runs those of a conformance run', () => {
    expect(choose(tests, 'conformance', [cloud])).toEqual({ run: [tests[0]], skipped: [] })
  })

  it('runs those that a text names', () => {
    expect(choose(tests, ['affinity'], [])).toEqual({ run: [tests[1]], skipped: [] })
  })

  it('rejects a line or a text that matches no network test', () => {
    expect(() => choose(tests, ['Pods should start'], [{ text: 'NoSuch', reason: 'x' }])).toThrow(
      'no [sig-network] test has in its name:\nNoSuch\nPods should start',
    )
  })
})

describe('parseSkipList', () => {
  it('separates text and reason', () => {
    expect(parseSkipList('# a comment\n\n[Feature:LoadBalancer]  # needs a cloud\n', 'f')).toEqual([cloud])
  })

  it.each(['no reason', 'no reason  #'])('rejects %j with file and line', (line) => {
    expect(() => parseSkipList(`\n${line}`, 'skip.txt')).toThrow('skip.txt:2: ')
  })
})

describe('parseTexts', () => {
  it('skips comments', () => {
    expect(parseTexts('# a\nDNS should\n\n')).toEqual(['DNS should'])
  })
})

describe('focusOf', () => {
  it('matches exactly these tests behind the name of the suite', () => {
    const focus = new RegExp(focusOf(tests.slice(0, 2)))
    expect(tests.filter((test) => focus.test(`Kubernetes e2e suite ${test}`))).toEqual(tests.slice(0, 2))
    expect(focus.test(`Kubernetes e2e suite ${tests[0]} [Serial]`)).toBe(false)
  })
})
