// Which of Kubernetes' tests are run, and why the others are not. Pure.

/** A line of a skip list: every test whose name contains the text is passed over for the reason. */
export interface SkipLine {
  readonly text: string
  readonly reason: string
}

export interface Choice {
  readonly run: readonly string[]
  readonly skipped: readonly { readonly test: string; readonly reason: string }[]
}

/** Which tests are asked for: those of a conformance run, all, or those whose names contain one of these texts. */
export type Subset = 'conformance' | 'all' | readonly string[]

/** What stands in every name that is asked for here. */
const ours = '[sig-network]'

/** Parses a skip list: `TEXT  # REASON`, empty lines, and comments in lines that begin with `#`. */
export function parseSkipList(list: string, file: string): SkipLine[] {
  return meaningful(list).map(([line, number]) => {
    const [, text = '', reason = ''] = /^(.*?)\s+# (.*)$/.exec(line) ?? []
    if (text === '' || reason.trim() === '') throw new Error(`${file}:${number}: not \`TEXT  # REASON\`: ${line}`)
    return { text, reason: reason.trim() }
  })
}

/** Parses a list of texts, one a line; comments as in a skip list. */
export const parseTexts = (list: string): string[] => meaningful(list).map(([line]) => line)

function meaningful(list: string): [line: string, number: number][] {
  return list
    .split('\n')
    .map((line, index): [string, number] => [line.trim(), index + 1])
    .filter(([line]) => line !== '' && !line.startsWith('#'))
}

/** Throws where a line of the skip lists or a text of the subset matches no test: it would hide that a test was renamed. */
export function choose(tests: readonly string[], subset: Subset, skips: readonly SkipLine[]): Choice {
  const network = tests.filter((test) => test.includes(ours))
  const texts = typeof subset === 'string' ? [] : subset
  const idle = [...skips.map(({ text }) => text), ...texts].filter((text) => !network.some((test) => test.includes(text)))
  if (idle.length > 0) throw new Error(`no ${ours} test has in its name:\n${idle.join('\n')}`)
  const asked = network.filter((test) => isAsked(test, subset))
  const reasonOf = (test: string) => skips.find(({ text }) => test.includes(text))?.reason
  return {
    run: asked.filter((test) => reasonOf(test) === undefined),
    skipped: asked.flatMap((test) => {
      const reason = reasonOf(test)
      return reason === undefined ? [] : [{ test, reason }]
    }),
  }
}

function isAsked(test: string, subset: Subset): boolean {
  if (subset === 'all') return true
  return subset === 'conformance' ? test.includes('[Conformance]') : subset.some((text) => test.includes(text))
}

/** The regular expression (Go's) that matches these tests and no other, behind the suite's name. */
export const focusOf = (tests: readonly string[]) => ` (${tests.map(literal).join('|')})$`

const literal = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
