import { describe, expect, it } from 'vitest'
import { completeOptions } from '../driver.ts'
import { kindConfig } from './config.ts'

const parsed = (...args: Parameters<typeof kindConfig>) => JSON.parse(kindConfig(...args))

describe('kindConfig', () => {
  it('has no network of kind’s, and the families and the proxy that were given', () => {
    const { networking, nodes } = parsed(completeOptions({ families: 'dual', proxy: 'iptables', nodes: 2 }), false)
    expect(networking).toMatchObject({
      disableDefaultCNI: true,
      ipFamily: 'dual',
      kubeProxyMode: 'iptables',
      podSubnet: '10.244.0.0/16,fd10:244::/56',
      serviceSubnet: '10.96.0.0/16,fd10:96::/112',
    })
    expect(nodes.map(({ role }: { readonly role: string }) => role)).toEqual(['control-plane', 'worker'])
  })

  it.each([
    [true, ['ClusterConfiguration', 'KubeletConfiguration', 'KubeProxyConfiguration'], 0],
    [false, ['ClusterConfiguration', 'KubeletConfiguration'], undefined],
  ])('leaves OOM scores alone only when the machine does not let them be lowered (%o)', (limited, kinds, score) => {
    const patches = parsed(completeOptions({ maxPods: 200 }), limited).kubeadmConfigPatches.map((patch: string) => JSON.parse(patch))
    expect(patches.map(({ kind }: { readonly kind: string }) => kind)).toEqual(kinds)
    expect(patches[1]).toMatchObject({ maxPods: 200, failCgroupV1: false })
    expect(patches[1].oomScoreAdj).toBe(score)
  })
})
