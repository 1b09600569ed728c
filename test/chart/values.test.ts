import { expect, it } from 'vitest'
import { chart, ciFiles, describeChart, type Part, readYaml, runHelm, template } from './helm.ts'

const long = 120_000

describeChart('values', () => {
  it.each(ciFiles())('pass lint: $name', ({ path }) => {
    const { status, stdout } = runHelm(['lint', '--strict', chart, '--values', path])
    expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed')
    expect(status).toBe(0)
  })

  it.each<[string, object, string]>([
    ['an unknown key', { rooting: {} }, "additional properties 'rooting' not allowed"],
    ['an unknown key deeper down', { cni: { confdir: '/x/y' } }, "additional properties 'confdir' not allowed"],
    ['an unknown preset', { preset: 'gke' }, '/preset'],
    ['an unknown mode', { routing: { mode: 'bgp' } }, '/routing/mode'],
    ['a relative path', { cni: { stateDir: 'var/lib' } }, '/cni/stateDir'],
    ['a directory of the root', { cni: { runDir: '/podwire' } }, '/cni/runDir'],
    ['a name that no runtime reads', { cni: { confName: 'net.json' } }, '/cni/confName'],
    ['an invalid file mode', { cni: { confFileMode: '999' } }, '/cni/confFileMode'],
    ['a VNI out of range', { routing: { vni: 0 } }, '/routing/vni'],
    ['an invalid prefix', { masquerade: { exempt: ['10.0.0.0'] } }, '/masquerade/exempt/0'],
    ['an invalid digest', { image: { digest: 'latest' } }, '/image/digest'],
    ['a tag within the repository', { image: { repository: 'podwire:1' } }, '/image/repository'],
    ['a plugin that cannot be left out', { cni: { skipBinaries: ['podwire'] } }, '/cni/skipBinaries/0'],
    ['text for a number', { mtu: '1400' }, '/mtu'],
    ['a number for text', { cni: { sysctl: { 'net.core.somaxconn': 1024 } } }, '/cni/sysctl'],
    ['a parameter outside the network', { cni: { sysctl: { 'kernel.panic': '1' } } }, '/cni/sysctl'],
    ['a surge, which the host port forbids', { updateStrategy: { rollingUpdate: { maxSurge: 1 } } }, '/updateStrategy/rollingUpdate'],
  ])('are rejected by the schema: %s', (_, values, message) => {
    const { status, stderr } = template({ values })
    expect(status).not.toBe(0)
    expect(stderr.replaceAll('.', '/')).toContain(message.replaceAll('.', '/'))
  })

  it.each<[string, object, string]>([
    ['an MTU below IPv6’s minimum', { mtu: 1000 }, 'mtu is 1000: use 0'],
    ['a bridge without the datapath', { cni: { bridge: 'br9' } }, 'set cni.datapath=bridge'],
    [
      'directories within each other',
      { cni: { runDir: '/var/lib/podwire/run' } },
      'cni.stateDir (/var/lib/podwire) and cni.runDir (/var/lib/podwire/run) overlap',
    ],
    ['an account without a name', { serviceAccount: { create: false } }, 'serviceAccount.name is empty'],
    ['hooks without rights', { rbac: { create: false } }, 'uninstall.enabled needs rbac.create'],
    ['a PodMonitor without its CRD', { metrics: { podMonitor: { enabled: true } } }, 'needs the CRD PodMonitor'],
    ['a PrometheusRule without its CRD', { metrics: { prometheusRule: { enabled: true } } }, 'needs the CRD PrometheusRule'],
  ])('are rejected by the templates: %s', (_, values, message) => {
    const { status, stderr } = template({ values })
    expect(status).not.toBe(0)
    expect(stderr).toContain(message)
  })

  it('are rejected with all problems at once', () => {
    const { stderr } = template({ values: { mtu: 1000, cni: { bridge: 'br9' } } })
    expect(stderr).toContain('mtu is 1000')
    expect(stderr).toContain('cni.bridge names a bridge')
  })

  it('are rejected when Kubernetes is too old', () => {
    expect(template({ version: 'v1.27.16' }).stderr).toContain('chart requires kubeVersion: >=1.28.0-0')
    expect(template({ version: 'v1.28.3-eks-0a21954' }).status).toBe(0)
  })

  it('each change what is rendered', { timeout: long }, () => {
    const everything = ciFiles().find(({ name }) => name === 'everything')?.path ?? ''
    const apis = ['security.openshift.io/v1/SecurityContextConstraints', 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy']
    const values = readYaml(everything)
    const all = template({ values, apis }).stdout
    const idle = leaves(readYaml(`${chart}/values.yaml`), values).filter(
      (path) => template({ values: without(values, path), apis }).stdout === all,
    )
    // Each is the same as its default, or hidden by another in that file.
    const hidden = [
      'image.tag',
      'preset',
      'masquerade.enabled',
      'serviceAccount.create',
      'rbac.create',
      'rbac.admissionPolicy',
      'uninstall.enabled',
      'tests.enabled',
    ]
    expect(idle.map((path) => path.join('.'))).toEqual(hidden)
  })

  it('are all in the file that sets everything', () => {
    const keys = (values: Part) => leaves(readYaml(`${chart}/values.yaml`), values).map((path) => path.join('.'))
    const everything = keys(readYaml(ciFiles().find(({ name }) => name === 'everything')?.path ?? ''))
    expect(keys(readYaml(`${chart}/values.yaml`)).filter((key) => !everything.includes(key))).toEqual([])
  })
})

/** Paths of the chart's values; those whose default is an object of free keys are one. */
function leaves(defaults: Part, values: Part): string[][] {
  return Object.entries(values).flatMap(([key, value]: [string, Part]) => {
    const known = defaults[key]
    const nested = known && typeof known === 'object' && !Array.isArray(known) && Object.keys(known).length > 0
    const free = [
      'nodeSelector',
      'livenessProbe',
      'readinessProbe',
      'startupProbe',
      'labels',
      'resources',
      'initResources',
      'updateStrategy',
    ].includes(key)
    return nested && !free && !key.toLowerCase().endsWith('context') ? leaves(known, value).map((path) => [key, ...path]) : [[key]]
  })
}

function without(values: Part, [key = '', ...rest]: readonly string[]): Part {
  const { [key]: inner, ...others } = values
  return rest.length === 0 ? others : { ...others, [key]: without(inner, rest) }
}
