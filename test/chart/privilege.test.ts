// What the chart asks for is what docs/decisions/0004 says, and no more.

import { expect, it } from 'vitest'
import { ciFiles, containersOf, describeChart, find, type Part, podSpecs, render } from './helm.ts'

const openshift = ['security.openshift.io/v1/SecurityContextConstraints']

describeChart('least privilege', () => {
  it.each(ciFiles())('holds for every pod: $name', ({ path }) => {
    for (const { name, spec } of podSpecs(render({ files: [path] }))) {
      expect(spec, name).not.toHaveProperty('hostPID')
      expect(spec, name).not.toHaveProperty('hostIPC')
      expect(spec.automountServiceAccountToken, name).toBe(false)
      expect(spec.securityContext.seccompProfile, name).toEqual({ type: 'RuntimeDefault' })
      for (const { name: container, securityContext } of containersOf(spec)) {
        const where = `${name}, ${container}`
        expect(securityContext.privileged ?? false, where).toBe(false)
        expect(securityContext.readOnlyRootFilesystem, where).toBe(true)
        expect(securityContext.capabilities.drop, where).toEqual(['ALL'])
        if (!path.includes('everything')) expect(securityContext.allowPrivilegeEscalation, where).toBe(false)
      }
    }
  })

  it('gives NET_ADMIN to the agent and to the uninstall, and nothing to the rest', () => {
    const capabilities = podSpecs(render()).flatMap(({ name, spec }) =>
      containersOf(spec).map((container): [string, string[]] => [
        `${name}, ${container.name}`,
        container.securityContext.capabilities.add ?? [],
      ]),
    )
    expect(Object.fromEntries(capabilities)).toEqual({
      'DaemonSet podwire, install': [],
      'DaemonSet podwire, agent': ['NET_ADMIN'],
      'DaemonSet podwire-test, server': [],
      'Pod podwire-test, client': [],
      'Job podwire-uninstall, uninstall': [],
      'ConfigMap podwire-uninstall, its pod, uninstall': ['NET_ADMIN'],
    })
  })

  it('gives the uninstall the capabilities that the agent was denied', () => {
    const objects = render({ values: { securityContext: { capabilities: { add: ['DAC_OVERRIDE'] } } } })
    const added = podSpecs(objects).flatMap(({ spec }) =>
      containersOf(spec).map(({ name, securityContext }) => [name, securityContext.capabilities.add]),
    )
    expect(added).toContainEqual(['agent', ['DAC_OVERRIDE']])
    expect(added).toContainEqual(['uninstall', ['DAC_OVERRIDE', 'NET_ADMIN']])
  })

  it('runs as root only where the host has files to write', () => {
    const users = podSpecs(render()).flatMap(({ spec }) =>
      containersOf(spec).map(({ name, securityContext }) => [name, securityContext.runAsUser]),
    )
    expect(
      users
        .filter(([, user]) => user === 0)
        .map(([name]) => name)
        .sort(),
    ).toEqual(['agent', 'install', 'uninstall'])
    expect(users.filter(([, user]) => user !== 0).every(([, user]) => user === 65532)).toBe(true)
  })

  it('gives the token only to the containers that call the API server', () => {
    const readers = podSpecs(render()).flatMap(({ name, spec }) =>
      containersOf(spec)
        .filter(({ volumeMounts = [] }) => volumeMounts.some((mount: Part) => mount.name === 'token'))
        .map((container) => `${name}, ${container.name}`),
    )
    expect(readers.sort()).toEqual(['DaemonSet podwire, agent', 'Job podwire-uninstall, uninstall', 'Pod podwire-test, client'])
  })

  it('mounts of the host what is podwire’s, and the directories of the runtime', () => {
    const paths = (spec: Part, container: Part) =>
      container.volumeMounts.flatMap(({ name, readOnly }: Part) => {
        const path = spec.volumes.find((volume: Part) => volume.name === name).hostPath?.path
        return path === undefined ? [] : [`${path}${readOnly ? ' ro' : ''}`]
      })
    const { spec } = find(render(), 'DaemonSet', 'podwire').spec.template
    const own = ['/var/lib/podwire', '/run/podwire']
    expect(paths(spec, spec.initContainers[0])).toEqual(['/etc/cni/net.d', '/opt/cni/bin', ...own])
    expect(paths(spec, spec.containers[0])).toEqual([
      '/etc/cni/net.d',
      '/opt/cni/bin ro',
      ...own,
      '/var/lib/cni/results ro',
      '/proc/sys/net',
    ])
  })

  it('lets each account do what its program does, and nothing else', () => {
    const rules = (objects: readonly Part[]) =>
      Object.fromEntries(
        objects
          .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
          .map(({ kind, metadata, rules }) => [
            `${kind} ${metadata.name}`,
            rules.flatMap(
              ({ apiGroups, resources, resourceNames = [], verbs }: Part) =>
                `${[...apiGroups, ...resources, ...resourceNames].filter(Boolean).join('/')}: ${verbs.join(' ')}`,
            ),
          ]),
      )
    expect(rules(render())).toEqual({
      'ClusterRole podwire-agent': ['nodes: list watch', 'nodes/status: patch'],
      'Role podwire-agent': ['events.k8s.io/events: create'],
      'Role podwire-agent-node-events': ['events.k8s.io/events: create'],
      'ClusterRole podwire-uninstall': ['nodes: list'],
      'Role podwire-uninstall': ['pods: list create delete', 'apps/daemonsets/podwire: get delete'],
      'Role podwire-test': ['pods: list', 'apps/daemonsets/podwire-test: get'],
    })
    expect(
      rules(
        render({
          values: { node: { setNetworkUnavailable: false, events: false }, uninstall: { enabled: false }, tests: { enabled: false } },
        }),
      ),
    ).toEqual({
      'ClusterRole podwire-agent': ['nodes: list watch'],
    })
    expect(rules(render({ hooks: false, values: { ipamServer: { enabled: true } } }))).toMatchObject({
      'ClusterRole podwire-agent': ['nodes: list watch', 'nodes/status: patch', 'pods/namespaces: get'],
    })
  })

  it('restricts writes to the agent’s own Node when the cluster can, and only when there are writes', () => {
    const api = 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy'
    const kinds = (apis: string[], node = {}) => render({ apis, values: { node } }).map(({ kind }) => kind)
    expect(kinds([])).not.toContain('ValidatingAdmissionPolicy')
    expect(kinds([api])).toEqual(expect.arrayContaining(['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding']))
    expect(kinds([api], { setNetworkUnavailable: false })).not.toContain('ValidatingAdmissionPolicy')
    const objects = render({ apis: [api], namespace: 'net' })
    const policy = find(objects, 'ValidatingAdmissionPolicy')
    expect(find(objects, 'ValidatingAdmissionPolicyBinding').spec).toEqual({
      policyName: policy.metadata.name,
      validationActions: ['Deny'],
    })
    expect(policy.spec.matchConditions[0].expression).toContain("'system:serviceaccount:net:podwire'")
  })

  it('allows on OpenShift what the pods request, and nothing else', () => {
    const objects = render({ apis: openshift })
    const scc = find(objects, 'SecurityContextConstraints')
    const { spec } = find(objects, 'DaemonSet', 'podwire').spec.template
    expect(scc.allowedCapabilities).toEqual(containersOf(spec).flatMap(({ securityContext }) => securityContext.capabilities.add ?? []))
    expect(scc).toMatchObject({ allowPrivilegedContainer: false, allowHostPID: false, allowHostIPC: false, readOnlyRootFilesystem: true })
    const volumes: string[] = spec.volumes.flatMap((volume: Part) => Object.keys(volume).filter((key) => key !== 'name'))
    expect([...new Set(volumes)].sort()).toEqual(scc.volumes)
  })
})
