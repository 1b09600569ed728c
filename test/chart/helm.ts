// Helm as the chart's tests call it, and what it renders as objects. Where Helm cannot be had the tests are skipped, with the reason in their title.

import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load, loadAll } from 'js-yaml'
import { describe } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const chart = join(root, 'helm/podwire')

/** A Kubernetes object, or a part of one: what a template made, which only the tests know the shape of. */
// biome-ignore lint/suspicious/noExplicitAny: assertions read fields at any depth, and a wrong one fails there.
export type Part = any

/** Oldest and newest version that the chart is tested for. */
export const versions = ['v1.28.15', 'v1.36.3'] as const

const helm = findHelm()

function findHelm(): { path: string; reason: undefined } | { path: ''; reason: string } {
  const { status, stdout, stderr } = spawnSync('sh', [join(root, 'build/helm.sh')], { encoding: 'utf8' })
  if (status === 0) return { path: stdout.trim(), reason: undefined }
  return { path: '', reason: stderr.trim().split('\n').at(-1) || 'no Helm' }
}

export function describeChart(title: string, body: () => void): void {
  if (helm.reason === undefined) describe(title, body)
  else describe.skip(`${title} (skipped: ${helm.reason})`, body)
}

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export function runHelm(args: readonly string[], stdin = ''): Outcome {
  return spawnSync(helm.path, args, { encoding: 'utf8', input: stdin, maxBuffer: 64 << 20, env: { ...process.env, HELM_NO_PLUGINS: '1' } })
}

export interface RenderOptions {
  readonly values?: object
  readonly files?: readonly string[]
  readonly version?: string
  readonly apis?: readonly string[]
  readonly hooks?: boolean
  readonly namespace?: string
}

/** `helm template` with these values over the chart's. */
export function template({
  values = {},
  files = [],
  version = 'v1.36.3',
  apis = [],
  hooks = true,
  namespace = 'podwire',
}: RenderOptions = {}): Outcome {
  const args = ['template', 'podwire', chart, '--namespace', namespace, '--kube-version', version, '--values', '-']
  for (const file of files) args.splice(-2, 0, '--values', file)
  return runHelm([...args, ...apis.flatMap((api) => ['--api-versions', api]), ...(hooks ? [] : ['--no-hooks'])], JSON.stringify(values))
}

/** The same, as objects. Throws what Helm prints where it rejects them. */
export function render(options: RenderOptions = {}): Part[] {
  const { status, stdout, stderr } = template(options)
  if (status !== 0) throw new Error(stderr)
  return loadAll(stdout).filter((object) => object !== null && object !== undefined)
}

/** The one object of that kind, and of that name where there are several. */
export function find(objects: readonly Part[], kind: string, name?: string): Part {
  const found = objects.filter((object) => object.kind === kind && (name === undefined || object.metadata.name === name))
  if (found.length !== 1) throw new Error(`${found.length} objects are a ${kind} ${name ?? ''}`)
  return found[0]
}

/** Paths of ci/*-values.yaml, by their name. */
export function ciFiles(): { name: string; path: string }[] {
  const folder = join(chart, 'ci')
  return readdirSync(folder)
    .filter((file) => file.endsWith('-values.yaml'))
    .map((file) => ({ name: file.replace('-values.yaml', ''), path: join(folder, file) }))
}

export const readYaml = (path: string): Part => load(readFileSync(path, 'utf8'))

/** Every pod that an object starts: those of controllers, pods, and those that the uninstall hook makes. */
export function podSpecs(objects: readonly Part[]): { name: string; spec: Part }[] {
  return objects.flatMap(({ kind, metadata, spec, data }) => {
    const name = `${kind} ${metadata.name}`
    if (kind === 'Pod') return [{ name, spec }]
    if (spec?.template?.spec) return [{ name, spec: spec.template.spec }]
    const plan = kind === 'ConfigMap' && data?.['plan.json'] ? JSON.parse(data['plan.json']) : {}
    return plan.pod ? [{ name: `${name}, its pod`, spec: plan.pod.spec }] : []
  })
}

export const containersOf = (spec: Part): Part[] => [...(spec.initContainers ?? []), ...spec.containers]

/** The path of Kubernetes' description of its API, or why there is none. */
export function openApiPath(version: string): string | undefined {
  try {
    return execFileSync('sh', [join(root, 'build/openapi.sh'), version], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
