// Who may import whom, checked on the sources: `node build/arrows.ts [ROOT]`. Prints file:line for each break and ends with 1.
// Also circles of imports, and what the engine of the native program lacks and types cannot express: a regular expression.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { circles } from './circles.ts'
import { type Rules, roomOf, rules } from './rooms.ts'
import { blank, imports } from './source-text.ts'

/** The only file that may name the host's global. */
const hostDoor = 'host/sys.ts'
/** Attributes and message types of netlink: only the room that encodes and decodes them may name them. */
const rawNetlink = /\b(?:NFTA_|NFT_MSG_|RTM_(?:NEW|DEL|GET)|RTA_|IFA_|IFLA_|NDA_|TCA_|CTA_|FRA_|NETCONFA_)[A-Z0-9_]+\b/g
/** The rooms that run on Node.js: packages, `node:` modules and regular expressions are theirs alone. */
const nodeRooms = ['agent', 'hook']
const longFile = 250

export interface Finding {
  /** `src/net/cidr.ts:3`, from the root. */
  readonly place: string
  readonly problem: string
  /** A warning is printed and fails nothing. */
  readonly warning: boolean
}

/** Checks every source under `root`/src, and the circles of `root`/e2e; tests excepted. */
export function checkArrows(root: string, rooms: Rules = rules): Finding[] {
  const source = join(root, 'src')
  const found = sources(source).flatMap((file) =>
    checkFile(source, file, rooms).map(({ line, ...found }) => ({ ...found, place: `src/${file}:${line}` })),
  )
  return [...found, ...['src', 'e2e'].flatMap((folder) => checkCircles(root, folder))]
}

/** Paths of the sources under a folder, tests excepted. */
function sources(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort()
}

/** Types count: two files that need each other are one thought in two places. */
function checkCircles(root: string, folder: string): Finding[] {
  const files = sources(join(root, folder))
  const graph = new Map(files.map((file) => [file, targets(join(root, folder), file)]))
  return circles(graph).map((circle) => ({
    place: `${folder}/${circle[0]}:1`,
    problem: `a circle of imports: ${circle.join(' ')}`,
    warning: false,
  }))
}

function targets(folder: string, file: string): string[] {
  const text = readFileSync(join(folder, file), 'utf8')
  return imports(text, blank(text))
    .filter(({ target }) => target.startsWith('.'))
    .map(({ target }) => relative(folder, resolve(folder, dirname(file), target)))
}

interface Found {
  readonly line: number
  readonly problem: string
  readonly warning: boolean
}

function checkFile(source: string, file: string, rooms: Rules): Found[] {
  const text = readFileSync(join(source, file), 'utf8')
  const room = roomOf(file, rooms)
  const code = blank(text)
  const found: Found[] = []
  const report = (offset: number, problem: string) =>
    found.push({ line: text.slice(0, offset).split('\n').length, problem, warning: false })

  if (room === undefined) {
    report(0, `${dirname(file)} is not a room: add it to build/rooms.ts with what it may import`)
    return found
  }
  const onNode = nodeRooms.some((name) => room === name || room.startsWith(`${name}/`))
  for (const { offset, target } of imports(text, code)) {
    const problem = importProblem(source, file, room, target, onNode, rooms)
    if (problem) report(offset, problem)
  }
  for (const { index } of code.plain.matchAll(/\b__sys\b/g)) {
    if (file !== hostDoor) report(index, `only src/${hostDoor} may use __sys`)
  }
  if (room !== 'kernel') {
    for (const { index, 0: name } of code.plain.matchAll(rawNetlink)) report(index, `${name} outside src/kernel: encode or decode it there`)
  }
  if (!onNode) {
    for (const offset of code.regexes) report(offset, 'a regular expression: the native program has none')
    for (const { index } of code.plain.matchAll(/\bnew RegExp\b|\bRegExp\(|\.matchAll\(|\.match\(/g))
      report(index, 'a regular expression: the native program has none')
  }
  const length = text.trimEnd().split('\n').length
  if (length > longFile) found.push({ line: longFile, problem: `${length} lines: is it still about one thing?`, warning: true })
  return found
}

function importProblem(source: string, file: string, room: string, target: string, onNode: boolean, rooms: Rules): string | undefined {
  if (!target.startsWith('.')) return onNode ? undefined : `${room} has no packages: ${target}`
  if (!target.endsWith('.ts')) return `the import of ${target} lacks its .ts`
  const path = relative(source, resolve(source, dirname(file), target))
  if (path.startsWith('..')) return `an import from outside src: ${target}`
  if (path.endsWith('.test.ts')) return `an import of a test: ${target}`
  if (file === 'node/plan.ts' && path === 'node/apply.ts') return 'plan is pure and may not import apply'
  const allowed = rooms[room.startsWith('plugin/plugins/') ? 'plugin/plugins/*' : room] ?? []
  const into = roomOf(path, rooms) ?? dirname(path)
  const opens = (door: string) => path === `${door}.ts` || path.startsWith(`${door}/`)
  if (into === room || allowed.some(opens)) return undefined
  return `${room} may not import from ${into} (may: ${allowed.join(' ') || 'nothing'})`
}

if (import.meta.main) {
  const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
  const findings = checkArrows(root)
  for (const { place, problem, warning } of findings) console.error(`${place}: ${warning ? 'warning: ' : ''}${problem}`)
  if (findings.some(({ warning }) => !warning)) process.exitCode = 1
}
