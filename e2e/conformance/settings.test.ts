import { describe, expect, it } from 'vitest'
import { parseSettings } from './settings.ts'

describe('parseSettings', () => {
  it('separates its own settings from the cluster’s', () => {
    expect(parseSettings(['CLUSTER=kind', 'SUBSET=ci', 'FOCUS=a = b', 'PROCS=2', 'RECORD=1', 'FAMILIES=dual'])).toEqual({
      cluster: 'kind',
      subset: 'ci',
      focus: 'a = b',
      processes: 2,
      record: true,
      options: { families: 'dual' },
    })
  })

  it('runs all tests on a cluster of namespaces by default', () => {
    expect(parseSettings([])).toEqual({ cluster: 'namespaces', subset: 'all', focus: '', processes: 4, record: false, options: {} })
  })

  it.each(['CLUSTER=minikube', 'SUBSET=', 'PROCS=0', 'PROCS=x', 'FAMILY=v4', 'v4'])('rejects %s with the choices', (word) => {
    expect(() => parseSettings([word])).toThrow(/^not understood: .*settings are/)
  })
})
