// critest, the CRI's validation suite: what it has, and what came of a run.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host } from '../harness/netns.ts'
import { runtimesPath } from './available.ts'
import { shell, webServer } from './cri.ts'

const critest = join(runtimesPath, 'critest')

/** A spec by its whole title, and how it ended. */
export interface Spec {
  readonly title: string
  /** `passed`, `skipped`, `failed`, … */
  readonly state: string
  readonly message: string
}

/** The titles of the suite's specs that match. */
export function specTitles(focus: string): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-critest-'))
  try {
    const report = join(dir, 'report.json')
    spawnSync(critest, ['--ginkgo.dry-run', ...flags(focus, report)])
    return readReport(report).map(({ title }) => title)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Runs those against the runtime that listens there. */
export async function runCritest(host: Host, socket: string, focus: string): Promise<Spec[]> {
  const [report, images] = [join(host.dir, 'critest.json'), join(host.dir, 'images.yaml')]
  writeFileSync(images, `defaultTestContainerImage: ${shell}\nwebServerTestImage: ${webServer}\n`)
  const endpoint = ['--runtime-endpoint', `unix://${socket}`, '--test-images-file', images]
  const { stdout, stderr } = await host.exec(critest, [...endpoint, ...flags(focus, report)], { timeout: 500_000 })
  if (!existsSync(report)) throw new Error(`critest wrote no report: ${(stdout + stderr).slice(-2000)}`)
  return readReport(report)
}

const flags = (focus: string, report: string) => [`--ginkgo.focus=${focus}`, `--ginkgo.json-report=${report}`, '--ginkgo.no-color']

interface SpecReport {
  readonly ContainerHierarchyTexts: readonly string[] | null
  readonly LeafNodeText: string
  readonly LeafNodeType: string
  readonly State: string
  readonly Failure?: { readonly Message?: string }
}

/** Of what was in focus. */
function readReport(file: string): Spec[] {
  // Ginkgo's own format, types.Report.
  const suites = JSON.parse(readFileSync(file, 'utf8')) as readonly { readonly SpecReports: readonly SpecReport[] }[]
  return suites
    .flatMap(({ SpecReports }) => SpecReports)
    .filter(({ LeafNodeType, State, Failure }) => LeafNodeType === 'It' && !(State === 'skipped' && !Failure?.Message))
    .map(({ ContainerHierarchyTexts, LeafNodeText, State, Failure }) => ({
      title: [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' '),
      state: State,
      message: Failure?.Message ?? '',
    }))
}
