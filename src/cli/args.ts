// Flags of a command line: `--name value`, `--name=value`, `-o value`, switches. What a verb takes it declares, everything else is an error.

export interface Flag {
  readonly name: string
  /** What the value is called in the help; absent for a switch. */
  readonly value?: string
  readonly short?: string
  readonly about: string
  /** The only values that it may have. */
  readonly choices?: readonly string[]
  /** Printed by --help. */
  readonly fallback?: string
}

/** What was given: a switch has the value ''. */
export type Given = ReadonlyMap<string, string>

export interface Parsed {
  readonly given: Given
  /** What is no flag, in its order. */
  readonly operands: readonly string[]
  /** A sentence each; with any of them nothing else counts. */
  readonly problems: readonly string[]
}

export function parseFlags(args: readonly string[], flags: readonly Flag[]): Parsed {
  const given = new Map<string, string>()
  const operands: string[] = []
  const problems: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(arg)
      continue
    }
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1
    const spelled = equals < 0 ? arg : arg.slice(0, equals)
    const flag = flags.find(({ name, short }) => spelled === `--${name}` || (short !== undefined && spelled === `-${short}`))
    if (!flag) {
      const known = flags.flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])])
      problems.push(`unknown flag ${spelled}${suggestion(spelled, known)}`)
      // Its value, where it has one, is no second mistake.
      if (equals < 0 && args[i + 1]?.startsWith('-') === false) i++
      continue
    }
    const value = equals >= 0 ? arg.slice(equals + 1) : flag.value === undefined ? '' : args[++i]
    const problem = valueProblem(flag, value, equals >= 0)
    if (problem) problems.push(`${spelled}: ${problem}`)
    else if (given.has(flag.name)) problems.push(`${spelled} is given twice`)
    else given.set(flag.name, value ?? '')
  }
  return { given, operands, problems }
}

/** `; did you mean X?` where one of `known` is near enough to be meant, else ''. */
export function suggestion(text: string, known: readonly string[]): string {
  let best: string | undefined
  let least = Math.max(2, Math.floor(text.length / 3)) + 1
  for (const candidate of known) {
    const steps = distance(text, candidate)
    if (steps < least) {
      best = candidate
      least = steps
    }
  }
  return best === undefined ? '' : `; did you mean ${best}?`
}

function valueProblem({ value: form, choices }: Flag, value: string | undefined, assigned: boolean): string | undefined {
  if (form === undefined) return assigned ? 'it is a switch and takes no value' : undefined
  if (value === undefined || value === '') return `it takes a value: ${choices?.join(', ') ?? form}`
  if (choices && !choices.includes(value))
    return `expected ${choices.join(', ')}, got ${JSON.stringify(value)}${suggestion(value, choices)}`
  return undefined
}

/** Levenshtein's: how many letters are to be put in, taken out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
