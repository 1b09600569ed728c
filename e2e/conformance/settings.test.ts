import { describe, expect, it } from 'vitest'
import { parseSettings } from './settings.ts'

describe('parseSettings', () => {
  it('takes its own settings and those of the cluster apart', () => {
    expect(parseSettings(['CLUSTER=kind', 'SUBSET=ci', 'FOCUS=a = b', 'PROCS=2', 'RECORD=1', 'FAMILIES=dual'])).toEqual({
      cluster: 'kind',
      subset: 'ci',
      focus: 'a = b',
      processes: 2,
      record: true,
      options: { families: 'dual' },
    })
  })

  it('runs all tests on a cluster of namespaces where nothing is said', () => {
    expect(parseSettings([])).toEqual({ cluster: 'namespaces', subset: 'all', focus: '', processes: 4, record: false, options: {} })
  })

  it.each(['CLUSTER=minikube', 'SUBSET=', 'PROCS=0', 'PROCS=x', 'FAMILY=v4', 'v4'])('refuses %s and says what there is', (word) => {
    expect(() => parseSettings([word])).toThrow(/^not understood: .*settings are/)
  })
})
