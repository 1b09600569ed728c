// What Ginkgo's JSON report says of the tests that were chosen.

/** How one test ended. */
export interface Result {
  readonly test: string
  readonly state: 'passed' | 'failed' | 'skipped'
  /** Why it failed, or why it skipped itself. */
  readonly message: string
  readonly seconds: number
}

/** The results of the chosen tests; one that the report does not have, or that never ran, has failed. */
export function readReport(json: string, chosen: readonly string[]): Result[] {
  // Ginkgo's own file; a field that it lacks counts as nothing, and then the test as failed.
  const suites = JSON.parse(json) as readonly Suite[]
  const specs = new Map(suites.flatMap(({ SpecReports }) => SpecReports ?? []).map((spec) => [nameOf(spec), spec]))
  return chosen.map((test) => {
    const { State = 'absent', Failure, RunTime = 0 } = specs.get(test) ?? {}
    const message = Failure?.Message ?? ''
    const seconds = RunTime / 1e9
    if (State === 'passed') return { test, state: 'passed', message: '', seconds }
    // Without a message it was not the test itself that decided so.
    if (State === 'skipped' && message !== '') return { test, state: 'skipped', message, seconds }
    return { test, state: 'failed', message: message || `it did not run (${State})`, seconds }
  })
}

/** Failures of the suite's own set-up, which leave every test without a result. */
export function suiteFailures(json: string): string[] {
  const suites = JSON.parse(json) as readonly Suite[]
  return suites
    .flatMap(({ SpecReports }) => SpecReports ?? [])
    .filter(({ LeafNodeType, Failure }) => LeafNodeType !== 'It' && Failure !== undefined)
    .map(({ LeafNodeType, Failure }) => `${LeafNodeType}: ${Failure?.Message}`)
}

interface Suite {
  readonly SpecReports?: readonly Spec[]
}

interface Spec {
  readonly ContainerHierarchyTexts: readonly string[] | null
  readonly LeafNodeText: string
  readonly LeafNodeType: string
  readonly State?: string
  readonly RunTime?: number
  readonly Failure?: { readonly Message?: string }
}

const nameOf = ({ ContainerHierarchyTexts, LeafNodeText }: Spec) => [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' ')
