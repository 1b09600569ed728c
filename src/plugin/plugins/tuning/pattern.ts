// Regular expressions for the allowlist, as the reference plugin takes them: the engine has none. What names of parameters can need: characters, `.`,
// classes, groups, `|`, `* + ? {n,m}`, `^ $`. All branches are followed at once, so that no pattern takes long.

/** One step: passes a character, or only at the text's start or end, or continues in several branches without consuming one. */
type State =
  | { readonly test: (char: string) => boolean; readonly next: number }
  | { readonly at: 'start' | 'end'; readonly next: number }
  | { readonly branches: number[] }

export interface Pattern {
  readonly states: readonly State[]
  readonly start: number
}

/** Adds the states that lead to the state `next`; returns the first of them. */
type Node = (states: State[], next: number) => number

const ACCEPT = 0
const MAX_REPEAT = 100
const DIGITS = '0123456789'
const WORD = `${DIGITS}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_`
const SPACE = ' \t\n\r\f\v'
const classes: Readonly<Record<string, string>> = { d: DIGITS, w: WORD, s: SPACE }

/** Throws a SyntaxError that names what is not supported. */
export function parsePattern(text: string): Pattern {
  const states: State[] = [{ branches: [] }]
  const scan = { chars: [...text], at: 0 }
  const node = alternatives(scan)
  if (scan.at < scan.chars.length) throw new SyntaxError('unmatched )')
  return { states, start: node(states, ACCEPT) }
}

/** True where some part of the text matches. */
export function matches({ states, start }: Pattern, text: string): boolean {
  const chars = [...text]
  let current = new Set<number>()
  const enter = (into: Set<number>, index: number, at: number): void => {
    const state = states[index]
    if (!state || into.has(index)) return
    into.add(index)
    if ('branches' in state) for (const branch of state.branches) enter(into, branch, at)
    else if ('at' in state && at === (state.at === 'start' ? 0 : chars.length)) enter(into, state.next, at)
  }
  for (let at = 0; ; at++) {
    enter(current, start, at)
    if (current.has(ACCEPT)) return true
    const char = chars[at]
    if (char === undefined) return false
    const next = new Set<number>()
    for (const index of current) {
      const state = states[index]
      if (state && 'test' in state && state.test(char)) enter(next, state.next, at + 1)
    }
    current = next
  }
}

interface Scan {
  readonly chars: readonly string[]
  at: number
}

function alternatives(scan: Scan): Node {
  const branches = [sequence(scan)]
  while (take(scan, '|')) branches.push(sequence(scan))
  const [only] = branches
  if (only && branches.length === 1) return only
  return (states, next) =>
    push(
      states,
      branches.map((branch) => branch(states, next)),
    )
}

function sequence(scan: Scan): Node {
  const parts: Node[] = []
  for (let char = peek(scan); char !== undefined && char !== '|' && char !== ')'; char = peek(scan)) parts.push(repeated(scan))
  return (states, next) => parts.reduceRight((following, part) => part(states, following), next)
}

function repeated(scan: Scan): Node {
  let node = atom(scan)
  for (;;) {
    if (take(scan, '*')) node = repeat(node, 0, Number.POSITIVE_INFINITY)
    else if (take(scan, '+')) node = repeat(node, 1, Number.POSITIVE_INFINITY)
    else if (take(scan, '?')) node = repeat(node, 0, 1)
    else if (take(scan, '{')) node = counted(scan, node)
    else return node
  }
}

function counted(scan: Scan, node: Node): Node {
  const min = number(scan)
  const max = take(scan, ',') ? (peek(scan) === '}' ? Number.POSITIVE_INFINITY : number(scan)) : min
  if (!take(scan, '}') || max < min) throw new SyntaxError('{ without a count')
  return repeat(node, min, max)
}

function repeat(node: Node, min: number, max: number): Node {
  return (states, next) => {
    let entry = next
    if (max === Number.POSITIVE_INFINITY) {
      const loop: number[] = [next]
      entry = push(states, loop)
      loop.push(node(states, entry))
    } else for (let i = min; i < max; i++) entry = push(states, [next, node(states, entry)])
    for (let i = 0; i < min; i++) entry = node(states, entry)
    return entry
  }
}

function atom(scan: Scan): Node {
  const char = scan.chars[scan.at++] ?? ''
  if (char === '(') return group(scan)
  if (char === '[') return single(charClass(scan))
  if (char === '.') return single((other) => other !== '\n')
  if (char === '^') return anchor('start')
  if (char === '$') return anchor('end')
  if (char === '\\') return single(escaped(scan))
  if ('*+?{'.includes(char)) throw new SyntaxError(`nothing to repeat before ${char}`)
  return single((other) => other === char)
}

function group(scan: Scan): Node {
  if (take(scan, '?') && !take(scan, ':')) throw new SyntaxError('unsupported kind of group')
  const node = alternatives(scan)
  if (!take(scan, ')')) throw new SyntaxError('unterminated (')
  return node
}

function charClass(scan: Scan): (char: string) => boolean {
  const negated = take(scan, '^')
  const tests: ((char: string) => boolean)[] = []
  for (let first = true; first || peek(scan) !== ']'; first = false) {
    const from = scan.chars[scan.at++]
    if (from === undefined || (from === '[' && peek(scan) === ':')) throw new SyntaxError('unterminated [, or a named class')
    if (from === '\\') {
      tests.push(escaped(scan))
      continue
    }
    const to = peek(scan) === '-' && scan.chars[scan.at + 1] !== ']' ? scan.chars[scan.at + 1] : undefined
    if (to === undefined) tests.push((char) => char === from)
    else {
      if (to === '\\' || to < from) throw new SyntaxError('range out of order')
      scan.at += 2
      tests.push((char) => char >= from && char <= to)
    }
  }
  scan.at++
  return (char) => tests.some((test) => test(char)) !== negated
}

/** What follows a backslash: a class, or a sign that is not a letter or digit and means itself. */
function escaped(scan: Scan): (char: string) => boolean {
  const sign = scan.chars[scan.at++] ?? ''
  const known = classes[sign.toLowerCase()]
  if (known) return (char) => known.includes(char) !== (sign !== sign.toLowerCase())
  if (sign === '' || WORD.includes(sign)) throw new SyntaxError(`unsupported escape \\${sign}`)
  return (char) => char === sign
}

function number(scan: Scan): number {
  let digits = ''
  for (let char = peek(scan); char && DIGITS.includes(char); char = peek(scan)) digits += scan.chars[scan.at++] ?? ''
  if (digits === '' || Number(digits) > MAX_REPEAT) throw new SyntaxError(`a count that is not a number, or over ${MAX_REPEAT}`)
  return Number(digits)
}

function single(test: (char: string) => boolean): Node {
  return (states, next) => states.push({ test, next }) - 1
}

function anchor(at: 'start' | 'end'): Node {
  return (states, next) => states.push({ at, next }) - 1
}

function push(states: State[], branches: number[]): number {
  return states.push({ branches }) - 1
}

function peek(scan: Scan): string | undefined {
  return scan.chars[scan.at]
}

function take(scan: Scan, char: string): boolean {
  if (peek(scan) !== char) return false
  scan.at++
  return true
}
