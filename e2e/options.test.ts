import { describe, expect, it } from 'vitest'
import { formatOptions, parseOptions } from './options.ts'

describe('parseOptions', () => {
  it('understands every setting', () => {
    expect(
      parseOptions([
        'KUBERNETES=1.37',
        'NODES=2',
        'FAMILIES=dual',
        'PROXY=iptables',
        'RUNTIME=1',
        'SEGB=n1,n2',
        'OFF=',
        'MAXPODS=200',
        'NODEMASK=29',
      ]),
    ).toEqual({
      kubernetes: '1.37',
      nodes: 2,
      families: 'dual',
      proxy: 'iptables',
      runtime: 1,
      behindRouter: ['n1', 'n2'],
      off: [],
      maxPods: 200,
      nodeMask: 29,
    })
  })

  it('reads what formatOptions writes', () => {
    const options = { nodes: 4, families: 'v6', runtime: 2, behindRouter: ['n4'] } as const
    expect(parseOptions(formatOptions(options).split(' '))).toEqual(options)
  })

  it.each([
    'KUBERNETES=1.35',
    'NODES',
    'NODES=',
    'NODES=0',
    'NODES=10',
    'NODES=x',
    'FAMILIES=v5',
    'PROXY=ipvs',
    'RUNTIME=3',
    'MAXPODS=-1',
    'COLOUR=red',
    '=',
    '',
  ])('rejects what it does not know, by its name: %o', (word) => {
    expect(() => parseOptions(['NODES=3', word])).toThrow(`not understood: ${word}`)
  })
})
