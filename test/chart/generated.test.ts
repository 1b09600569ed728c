import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { chartReadme, readRows } from '../../build/chart-readme.ts'
import { chart, describeChart, type Part, podSpecs, readYaml, root } from './helm.ts'

describe("the chart's README", () => {
  it('has what values.yaml has: `make manifests` rewrites it', () => {
    expect(readFileSync(join(chart, 'README.md'), 'utf8')).toBe(chartReadme())
  })

  it('has each key of the schema, and the schema each of its keys', () => {
    const { properties } = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8'))
    const rows = readRows(readFileSync(join(chart, 'values.yaml'), 'utf8')).map(({ key }) => key)
    const known = (path: readonly string[]) => path.reduce<Part>((schema, key) => schema?.properties?.[key], { properties })
    expect(rows.filter((key) => known(key.split('.')) === undefined)).toEqual([])
    const values = readYaml(join(chart, 'values.yaml'))
    expect(Object.keys(properties).filter((key) => key !== 'global' && !(key in values))).toEqual([])
  })

  it('is not written when a key has no comment', () => {
    expect(() => readRows('a:\n  b: 1\n')).toThrow('values.yaml:2: a.b has no comment')
  })
})

describeChart('manifests/', () => {
  it('is what the chart renders: `make manifests` rewrites it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'podwire-manifests-'))
    try {
      execFileSync('sh', [join(root, 'build/manifests.sh'), folder])
      for (const file of readdirSync(folder))
        expect(readFileSync(join(root, 'manifests', file), 'utf8'), file).toBe(readFileSync(join(folder, file), 'utf8'))
      expect(readdirSync(join(root, 'manifests')).sort()).toEqual(readdirSync(folder).sort())
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('has no object that only Helm understands', () => {
    const read = (file: string): Part[] => loadAll(readFileSync(join(root, 'manifests', file), 'utf8')).filter(Boolean)
    const [install, uninstall] = [read('podwire.yaml'), read('podwire-uninstall.yaml')]
    for (const object of [...install, ...uninstall]) expect(JSON.stringify(object)).not.toContain('helm.sh')
    expect(install[0]).toMatchObject({
      kind: 'Namespace',
      metadata: { name: 'podwire', labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
    })
    expect(podSpecs(install)).toHaveLength(1)
    expect(podSpecs(uninstall).map(({ name }) => name)).toEqual(['ConfigMap podwire-uninstall, its pod', 'Job podwire-uninstall'])
  })
})
