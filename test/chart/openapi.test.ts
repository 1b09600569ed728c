import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ciFiles, describeChart, openApiPath, type Part, render, versions } from './helm.ts'
import { indexKinds, problemsOf } from './openapi.ts'

/** What is no part of Kubernetes itself. */
const foreign = ['PodMonitor', 'PrometheusRule', 'SecurityContextConstraints']

describeChart('objects of the chart are what Kubernetes describes', () => {
  for (const version of versions) {
    const path = openApiPath(version)
    describe.skipIf(path === undefined)(`${version}${path ? '' : ' (skipped: no Go to fetch its description)'}`, () => {
      const { definitions } = JSON.parse(path ? readFileSync(path, 'utf8') : '{}')
      const kinds = indexKinds(definitions ?? {})
      it.each(ciFiles())('$name', ({ path: file }) => {
        const objects = render({ files: [file], version, apis: apisOf(version) })
        const pods = objects.flatMap((object) => planned(object))
        const unknown: string[] = []
        const problems = [...objects, ...pods].flatMap((object) => {
          const found = problemsOf(object, definitions, kinds)
          if (found === undefined) unknown.push(object.kind)
          return found ?? []
        })
        expect(problems).toEqual([])
        expect(unknown.filter((kind) => !foreign.includes(kind))).toEqual([])
      })

      it.each<[string, (daemonSet: Part) => void, string]>([
        ['an unknown field', (set) => (set.spec.tempalte = {}), 'spec.tempalte: no such field'],
        ['a wrong type', (set) => (set.spec.template.spec.hostNetwork = 'yes'), 'hostNetwork: expected a boolean, got "yes"'],
        ['a value that is not a list', (set) => (set.spec.template.spec.containers = {}), 'containers: expected a list, got {}'],
        ['a missing field', (set) => delete set.spec.selector, 'spec.selector: is missing'],
      ])('reports %s', (_, spoil, problem) => {
        const daemonSet = render({ hooks: false }).find(({ kind }) => kind === 'DaemonSet')
        spoil(daemonSet)
        expect(problemsOf(daemonSet, definitions, kinds)?.join('\n')).toContain(problem)
      })
    })
  }
})

/** What is in this version, and OpenShift's. */
function apisOf(version: string): string[] {
  const own = version >= 'v1.30' ? ['admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy'] : []
  return ['security.openshift.io/v1/SecurityContextConstraints', ...own]
}

/** The pod that the uninstall hook makes. */
function planned({ kind, data }: Part): Part[] {
  const plan = kind === 'ConfigMap' && data?.['plan.json'] ? JSON.parse(data['plan.json']) : {}
  return plan.pod ? [plan.pod] : []
}
