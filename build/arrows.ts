// Who may import whom, checked on the sources: `node build/arrows.ts [ROOT]`. Prints file:line for each break and ends with 1.
// Also what the engine of the native program lacks and types cannot tell: a regular expression.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Room → the rooms it may import from, besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  net: [],
  host: [],
  cni: ['net', 'host'],
  kernel: ['net', 'host'],
  ipam: ['net', 'host', 'cni'],
  libcni: ['net', 'host', 'cni'],
  plugin: ['net', 'host', 'cni', 'kernel', 'ipam', 'libcni'],
  node: ['net', 'host', 'kernel', 'cni'],
  installer: ['host', 'cni', 'node/state'],
  cli: ['net', 'host', 'cni', 'kernel', 'ipam', 'plugin', 'node', 'installer'],
  agent: ['net', 'cni', 'node/plan', 'node/state'],
  hook: ['cni', 'agent/kube'],
}
/** The only file that may name the host's global. */
const hostDoor = 'host/sys.ts'
/** The rooms that run on Node.js: packages, `node:` modules and regular expressions are theirs alone. */
const nodeRooms = ['agent', 'hook']
const longFile = 250

export interface Finding {
  /** `src/net/cidr.ts:3`, from the root. */
  readonly place: string
  readonly problem: string
  /** A warning is told and fails nothing. */
  readonly warning: boolean
}

/** Checks every source under `root`/src, tests excepted. */
export function checkArrows(root: string): Finding[] {
  const source = join(root, 'src')
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort()
  return files.flatMap((file) => checkFile(source, file).map(({ line, ...found }) => ({ ...found, place: `src/${file}:${line}` })))
}

interface Found {
  readonly line: number
  readonly problem: string
  readonly warning: boolean
}

function checkFile(source: string, file: string): Found[] {
  const text = readFileSync(join(source, file), 'utf8')
  const room = file.split('/')[0] ?? ''
  const code = blank(text)
  const found: Found[] = []
  const report = (offset: number, problem: string) =>
    found.push({ line: text.slice(0, offset).split('\n').length, problem, warning: false })

  if (!Object.hasOwn(arrows, room)) report(0, `${room} is no room: add it to build/arrows.ts with what it may import`)
  for (const { offset, target } of imports(text, code)) {
    const problem = importProblem(source, file, room, target)
    if (problem) report(offset, problem)
  }
  for (const { index } of code.plain.matchAll(/\b__sys\b/g)) {
    if (file !== hostDoor) report(index, `only src/${hostDoor} may use __sys`)
  }
  if (!nodeRooms.includes(room)) {
    for (const offset of code.regexes) report(offset, 'a regular expression: the native program has none')
    for (const { index } of code.plain.matchAll(/\bnew RegExp\b|\bRegExp\(|\.matchAll\(|\.match\(/g))
      report(index, 'a regular expression: the native program has none')
  }
  const length = text.trimEnd().split('\n').length
  if (length > longFile) found.push({ line: longFile, problem: `${length} lines: is it still about one thing?`, warning: true })
  return found
}

function importProblem(source: string, file: string, room: string, target: string): string | undefined {
  if (!target.startsWith('.')) return nodeRooms.includes(room) ? undefined : `${room} has no packages: ${target}`
  if (!target.endsWith('.ts')) return `the import of ${target} lacks its .ts`
  const path = relative(source, resolve(source, dirname(file), target))
  const into = path.split('/')[0] ?? ''
  if (into === '..') return `an import from outside src: ${target}`
  const allowed = arrows[room] ?? []
  if (path.endsWith('.test.ts')) return `an import of a test: ${target}`
  if (room === 'node' && path === 'node/apply.ts' && file === 'node/plan.ts') return 'plan is pure and may not import apply'
  if (into === room || allowed.some((door) => path === `${door}.ts` || path.startsWith(`${door}/`))) return undefined
  return `${room} may not import from ${into} (may: ${allowed.join(' ') || 'nothing'})`
}

/** Specifiers of static imports, re-exports and import() calls, types included. */
function imports(text: string, { plain }: Blanked): { offset: number; target: string }[] {
  return [...plain.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*(['"])/g)].map((match) => {
    const start = match.index + match[0].length
    return { offset: start, target: text.slice(start, text.indexOf(match[1] ?? '', start)) }
  })
}

interface Blanked {
  /** The source with comments, the inside of strings, and regular expressions turned into spaces: the offsets stay. */
  readonly plain: string
  readonly regexes: readonly number[]
}

function blank(text: string): Blanked {
  const plain = [...Array(text.length).keys()].map((i) => text.charAt(i))
  const regexes: number[] = []
  const hide = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (plain[i] !== '\n') plain[i] = ' '
  }
  // The end of the token that opened at `from`: the first unescaped `close`.
  const closing = (from: number, close: string) => {
    let i = from
    while (i < text.length && !text.startsWith(close, i)) i += text[i] === '\\' ? 2 : 1
    return Math.min(i, text.length)
  }
  // For each open template literal, how many braces of its ${ } are open.
  const templates: number[] = []
  const skipTemplate = (from: number): number => {
    let i = from
    while (i < text.length && text[i] !== '`' && !text.startsWith('${', i)) i += text[i] === '\\' ? 2 : 1
    hide(from, i)
    if (text[i] === '`') return i + 1
    templates.push(0)
    return i + 2
  }
  let previous = ''
  for (let i = 0; i < text.length; ) {
    const char = text.charAt(i)
    const depth = templates.at(-1)
    if (text.startsWith('//', i)) {
      const end = closing(i, '\n')
      hide(i, end)
      i = end
    } else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i) < 0 ? text.length : text.indexOf('*/', i) + 2
      hide(i, end)
      i = end
    } else if (char === "'" || char === '"') {
      const end = closing(i + 1, char)
      hide(i + 1, end)
      previous = char
      i = end + 1
    } else if (char === '`') {
      previous = char
      i = skipTemplate(i + 1)
    } else if (char === '}' && depth === 0) {
      templates.pop()
      i = skipTemplate(i + 1)
    } else if (char === '/' && beginsExpression(previous)) {
      regexes.push(i)
      i = regexEnd(text, i)
      previous = '/'
    } else {
      if (depth !== undefined && (char === '{' || char === '}')) templates[templates.length - 1] = depth + (char === '{' ? 1 : -1)
      if (char.trim() !== '')
        previous = wordChar(char) && wordChar(previous.at(-1) ?? '') && wordChar(text.charAt(i - 1)) ? previous + char : char
      i++
    }
  }
  for (const start of regexes) hide(start, regexEnd(text, start))
  return { plain: plain.join(''), regexes }
}

const wordChar = (char: string) => /^[\w$]$/.test(char)

/** After an operator or one of these words a slash begins a regular expression; after a value it divides. */
function beginsExpression(previous: string): boolean {
  return (
    previous === '' ||
    '(,=:[!&|?{};+-*%<>~^'.includes(previous) ||
    ['return', 'typeof', 'case', 'in', 'of', 'void', 'delete'].includes(previous)
  )
}

function regexEnd(text: string, start: number): number {
  let inClass = false
  let i = start + 1
  for (; i < text.length && text[i] !== '\n' && (inClass || text[i] !== '/'); i += text[i] === '\\' ? 2 : 1) {
    if (text[i] === '[') inClass = true
    if (text[i] === ']') inClass = false
  }
  return i + 1
}

if (import.meta.main) {
  const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
  const findings = checkArrows(root)
  for (const { place, problem, warning } of findings) console.error(`${place}: ${warning ? 'warning: ' : ''}${problem}`)
  if (findings.some(({ warning }) => !warning)) process.exitCode = 1
}
