// The chart as it is released, and the manifests that it renders to.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeReadme } from '../chart-readme.ts'
import { root } from '../image/script.ts'

export interface ImagePlace {
  /** HOST/PATH, as in the chart's `image.registry`. */
  readonly registry: string
  /** `sha256:…` */
  readonly digest: string
}

/** The digest that an archive of `make image` has in every registry that it is copied to. */
export function imageDigest(archive: string): string {
  const index = JSON.parse(execFileSync('tar', ['-xOf', archive, 'index.json'], { encoding: 'utf8' }))
  const digest = index.manifests?.[0]?.digest
  if (typeof digest !== 'string') throw new Error(`${archive} is no OCI archive: its index.json names no manifest`)
  return digest
}

/** Writes podwire-VERSION.tgz and the manifests to `out`; with a place, the chart's defaults are the image there, by digest. */
export function packageChart(out: string, time: number, place?: ImagePlace): void {
  const work = mkdtempSync(join(tmpdir(), 'podwire-chart-'))
  try {
    const chart = join(work, 'podwire')
    cpSync(join(root, 'helm/podwire'), chart, { recursive: true })
    if (place !== undefined) setPlace(chart, place)
    // Helm takes them into the package.
    for (const file of readdirSync(chart, { recursive: true, encoding: 'utf8' })) utimesSync(join(chart, file), time, time)
    const sh = (script: string, ...args: string[]) => execFileSync('sh', [join(root, script), ...args], { encoding: 'utf8' }).trim()
    execFileSync(sh('build/helm.sh'), ['package', chart, '--destination', out], { stdio: ['ignore', 'ignore', 'inherit'] })
    sh('build/manifests.sh', out, chart)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function setPlace(chart: string, { registry, digest }: ImagePlace): void {
  edit(join(chart, 'values.yaml'), [/^ {2}registry: localhost$/m, `  registry: ${registry}`], [/^ {2}digest: ""$/m, `  digest: ${digest}`])
  edit(join(chart, 'Chart.yaml'), [/^ {6}image: localhost\/podwire:.*$/m, `      image: ${registry}/podwire@${digest}`])
  edit(join(chart, 'README.md.head'), [/helm install podwire helm\/podwire/, `helm install podwire oci://${registry}/charts/podwire`])
  const read = (file: string) => readFileSync(join(chart, file), 'utf8')
  writeFileSync(join(chart, 'README.md'), makeReadme(read('README.md.head'), read('values.yaml')))
}

/** Replaces one place for each pattern; throws where there is none. */
function edit(path: string, ...changes: readonly (readonly [RegExp, string])[]): void {
  let text = readFileSync(path, 'utf8')
  for (const [pattern, replacement] of changes) {
    if (!pattern.test(text)) throw new Error(`${path} has no line ${pattern}`)
    text = text.replace(pattern, replacement)
  }
  writeFileSync(path, text)
}
