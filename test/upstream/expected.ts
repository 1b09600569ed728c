// The list of tests that do not pass, each with why: reading it, and holding it against what came out.
// A line: `SUITE | KIND | TEST | REASON`. `[*]` in a test's name stands for every CNI version that it runs with.

/** Why a test may fail. */
export type Kind =
  /** Ours does otherwise on purpose. */
  | 'differs'
  /** The test reaches into the reference plugin's own process: what it sets there no other program can see. */
  | 'white-box'
  /** The machine lacks what the test itself needs: `needs:dummy`. Where it has that, the test has to pass. */
  | `needs:${string}`

export interface Expected {
  readonly line: number
  readonly suite: string
  readonly kind: Kind
  readonly test: string
  readonly reason: string
}

/** Throws at the first line that is none. */
export function parseExpected(text: string): Expected[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const [suite, kind, test, reason, ...rest] = line.split(' | ').map((part) => part.trim())
    if (!suite || !kind || !test || !reason || rest.length > 0) throw new Error(`line ${i + 1}: expected SUITE | KIND | TEST | REASON`)
    if (!isKind(kind)) throw new Error(`line ${i + 1}: ${kind} is no kind: differs, white-box or needs:…`)
    return [{ line: i + 1, suite, kind, test, reason }]
  })
}

const isKind = (text: string): text is Kind => text === 'differs' || text === 'white-box' || /^needs:\w+$/.test(text)

/** Whether a line speaks of a test. */
export function names(test: string, full: string): boolean {
  const parts = test.split('[*]')
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\[[0-9.]+\\]')
  return new RegExp(`^${pattern}$`).test(full)
}
