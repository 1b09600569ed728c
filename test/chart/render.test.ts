import { readFileSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import { parseConfig } from '../../src/agent/config.ts'
import { Reader } from '../../src/cni/reader.ts'
import { defaultPaths, ipamSocketPath, presets, releaseSpool } from '../../src/contract/paths.ts'
import { sys } from '../../src/host/sys.ts'
import { type CheckPlugin, conflistProblems, defaultTemplate, templateProblems } from '../../src/installer/conflist.ts'
import * as rpc from '../../src/ipam/rpc/index.ts'
import { readPodwireConfig } from '../../src/plugin/plugins/podwire/config.ts'
import { chart, ciFiles, containersOf, describeChart, find, type Part, readYaml, render, root } from './helm.ts'

// The one segment that a configuration is read by: of the native program.
vi.spyOn(sys, 'load').mockReturnValue(rpc)

const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))

describeChart('the chart', () => {
  it('has the version of everything else', () => {
    expect(readYaml(`${chart}/Chart.yaml`)).toMatchObject({ version, appVersion: version })
  })

  it.each(ciFiles())('writes a configuration that the agent reads: $name', ({ path }) => {
    const { data } = find(render({ files: [path], hooks: false }), 'ConfigMap', configName(path))
    const config = parseConfig(data['agent.json'], new Map(), 'n1')
    const values = readYaml(path) ?? {}
    expect(config.plan.routing.mode).toBe(values.routing?.mode ?? 'auto')
    expect(config.plan.masquerade.enabled).toBe(values.masquerade?.enabled ?? true)
    expect(config.listen?.port).toBe(values.agent?.port ?? 9465)
  })

  it.each(ciFiles())('writes a conflist that the installer takes: $name', ({ path }) => {
    const { data } = find(render({ files: [path], hooks: false }), 'ConfigMap', configName(path))
    const conflist = JSON.parse(data['conflist.json'])
    expect(templateProblems(conflist)).toEqual([])
    // With the ranges that the agent fills in.
    const [plugin, ...others] = conflist.plugins
    const filled = { ...plugin, ipam: { ...plugin.ipam, ranges: [[{ subnet: '10.1.0.0/24' }]] } }
    expect(conflistProblems({ ...conflist, plugins: [filled, ...others] }, checkPlugin)).toEqual([])
  })

  it('lets pods have addresses by the IPAM server when it is enabled', () => {
    const pools = [{ name: 'ingress', from: 16, to: 31 }]
    const { data } = find(render({ hooks: false, values: { ipamServer: { enabled: true, pools } } }), 'ConfigMap', 'podwire')
    const [plugin] = JSON.parse(data['conflist.json']).plugins
    expect(plugin.ipam).toEqual({
      type: 'rpc',
      address: `unix://${ipamSocketPath(defaultPaths)}`,
      spoolDir: releaseSpool(defaultPaths),
      checkStatus: false,
    })
    expect(parseConfig(data['agent.json'], new Map(), 'n1').ipamServer).toEqual({ enabled: true, network: 'podwire', pools })
  })

  it("writes the installer's own conflist when nothing is set", () => {
    const { data } = find(render({ hooks: false }), 'ConfigMap')
    expect(JSON.parse(data['conflist.json'])).toEqual(defaultTemplate(defaultPaths))
  })

  it.each(Object.entries(presets))('mounts the directories of preset %s where they are on the node', (preset, paths) => {
    const { confDir, binDir } = { ...defaultPaths, ...paths }
    const objects = render({ values: { preset } })
    const { spec } = find(objects, 'DaemonSet', 'podwire').spec.template
    const [install, agent] = [spec.initContainers[0], spec.containers[0]]
    expect(install.args).toEqual(expect.arrayContaining([`--conf-dir=${confDir}`, `--bin-dir=${binDir}`]))
    for (const container of [install, agent]) {
      expect(hostPath(spec, container, 'conf-dir')).toEqual({ from: confDir, to: confDir })
      expect(hostPath(spec, container, 'bin-dir')).toEqual({ from: binDir, to: binDir })
    }
    // A distribution's own directory that does not exist means a wrong preset.
    const { type } = spec.volumes.find(({ name }: Part) => name === 'conf-dir').hostPath
    expect(type).toBe(confDir === defaultPaths.confDir ? 'DirectoryOrCreate' : 'Directory')
  })

  it.each<[object, string]>([
    [{}, `localhost/podwire:${version}`],
    [{ registry: '', tag: '2' }, 'podwire:2'],
    [{ registry: 'r.example.org:5000', repository: 'a/podwire' }, `r.example.org:5000/a/podwire:${version}`],
    [{ tag: '2', digest: `sha256:${'a'.repeat(64)}` }, `localhost/podwire@sha256:${'a'.repeat(64)}`],
  ])('names the image by %j', (image, name) => {
    const { spec } = find(render({ values: { image }, hooks: false }), 'DaemonSet').spec.template
    expect(containersOf(spec).map((container) => container.image)).toEqual([name, name])
  })

  it('starts new pods when the configuration changes, and no others', () => {
    const checksum = (values: object) =>
      find(render({ values, hooks: false }), 'DaemonSet').spec.template.metadata.annotations['checksum/config']
    expect(checksum({ mtu: 1400 })).not.toBe(checksum({}))
    expect(checksum({ cni: { datapath: 'bridge' } })).not.toBe(checksum({}))
    expect(checksum({ uninstall: { timeoutSeconds: 60 } })).toBe(checksum({}))
  })

  it('is scheduled before everything else on a node, and stays there', () => {
    const { updateStrategy, template } = find(render({ hooks: false }), 'DaemonSet').spec
    expect(updateStrategy.rollingUpdate).toEqual({ maxUnavailable: '10%' })
    expect(template.spec).toMatchObject({
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
      hostNetwork: true,
      dnsPolicy: 'Default',
    })
    expect(template.spec.containers[0].resources.limits).toBeUndefined()
  })

  it('probes the address that the agent listens on', () => {
    const probes = (agent: object) => {
      const [container] = find(render({ values: { agent }, hooks: false }), 'DaemonSet').spec.template.spec.containers
      return ['livenessProbe', 'readinessProbe', 'startupProbe'].map((probe) => [
        container[probe].httpGet.path,
        container[probe].httpGet.host,
      ])
    }
    expect(probes({})).toEqual([
      ['/healthz', undefined],
      ['/readyz', undefined],
      ['/healthz', undefined],
    ])
    expect(probes({ listenAddress: '::1' }).map(([, host]) => host)).toEqual(['::1', '::1', '::1'])
    const { data } = find(render({ values: { agent: { listenAddress: '::1' } }, hooks: false }), 'ConfigMap')
    expect(parseConfig(data['agent.json'], new Map(), 'n1').listen).toEqual({ host: '::1', port: 9465 })
  })

  it('renders what needs other APIs only when the cluster has them', () => {
    const kinds = (apis: readonly string[], values = {}) => render({ apis, values }).map(({ kind }) => kind)
    expect(kinds([])).not.toContain('SecurityContextConstraints')
    expect(kinds(['security.openshift.io/v1/SecurityContextConstraints'])).toContain('SecurityContextConstraints')
    const operator = ['monitoring.coreos.com/v1/PodMonitor', 'monitoring.coreos.com/v1/PrometheusRule']
    const metrics = { podMonitor: { enabled: true }, prometheusRule: { enabled: true } }
    expect(kinds(operator, { metrics })).toEqual(expect.arrayContaining(['PodMonitor', 'PrometheusRule']))
  })

  it('gives every object the same labels, and namespace where it has one', () => {
    const clusterWide = [
      'ClusterRole',
      'ClusterRoleBinding',
      'SecurityContextConstraints',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ]
    const path = ciFiles().find(({ name }) => name === 'everything')?.path ?? ''
    for (const { kind, metadata } of render({ files: [path] })) {
      if (metadata.name === 'podwire-extra') continue
      expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({
        'app.kubernetes.io/name': 'net',
        'app.kubernetes.io/instance': 'podwire',
        'app.kubernetes.io/part-of': 'podwire',
        team: 'platform',
      })
      expect(metadata.annotations, `${kind} ${metadata.name}`).toMatchObject({ 'example.org/owner': 'platform' })
      expect(metadata.name).toMatch(/^(cluster-net|net)/)
      expect(metadata.namespace).toBe(clusterWide.includes(kind) ? undefined : 'networking')
    }
  })

  it('has only metrics of the agent in its alerts and its dashboard', () => {
    const measured = new Set(readFileSync(`${root}/src/agent/serve/metrics.ts`, 'utf8').match(/(?:podwire|process)_[a-z_]+/g))
    const files = ['alerts.yaml', 'dashboard.json'].map((file) => readFileSync(`${chart}/files/${file}`, 'utf8'))
    const used = files.flatMap((text) => text.match(/\b(?:podwire|process)_[a-z_]+/g) ?? []).map((name) => name.replace(/_bucket$/, ''))
    expect(used.length).toBeGreaterThan(15)
    expect(used.filter((name) => !measured.has(name))).toEqual([])
  })
})

/** The plugin's own parser, as the installer asks it. */
const checkPlugin: CheckPlugin = (plugin, cniVersion) => {
  const reader = new Reader(plugin)
  if (plugin.type === 'podwire') readPodwireConfig(reader, { command: 'ADD', cniVersion, name: 'podwire', args: () => new Map() })
  return reader.issues
}

const configName = (path: string) => (path.includes('everything') ? 'cluster-net' : 'podwire')

function hostPath(spec: Part, container: Part, name: string): { from: string; to: string } {
  const mount = container.volumeMounts.find((candidate: Part) => candidate.name === name)
  const volume = spec.volumes.find((candidate: Part) => candidate.name === name)
  return { from: volume.hostPath.path, to: mount.mountPath }
}
