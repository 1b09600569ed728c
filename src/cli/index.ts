// The program when it is called with arguments: the operator's commands, and what the agent has done in the kernel.

import { toCniError } from '../cni/error.ts'
import { version } from '../plugin/version.ts'
import { parseFlags, suggestion } from './args.ts'
import { helpOf, helpOfAll } from './help.ts'
import { installVerb, publishVerb } from './install.ts'
import { ipamReclaimVerb } from './ipam-reclaim.ts'
import { ipamReplayVerb } from './ipam-replay.ts'
import { ipamListVerb, podsVerb } from './list.ts'
import { addPeersVerb, applyVerb, diffVerb, removeVerb, showVerb, watchVerb } from './node.ts'
import { print, printError } from './output.ts'
import { masqVerb, routesVerb } from './routes.ts'
import { statusVerb } from './status.ts'
import { uninstallVerb } from './uninstall.ts'
import { DONE, FAILED, USAGE, UsageError, type Verb } from './verb.ts'
import { verifyVerb } from './verify.ts'
import { versionVerb } from './version.ts'

const nodeVerbs = [applyVerb, addPeersVerb, diffVerb, showVerb, watchVerb, publishVerb, removeVerb]
const looks = [statusVerb, podsVerb, ipamListVerb, ipamReclaimVerb, ipamReplayVerb, routesVerb, masqVerb, verifyVerb]

/** Runs one command; `names` are all that the program has as a plugin. Returns the exit status: 0 done, 1 failed, 2 wrong usage. */
export function run(args: readonly string[], names: readonly string[]): number {
  const verbs: readonly Verb[] = [installVerb(names), uninstallVerb, ...nodeVerbs, ...looks, versionVerb(names)]
  const [first = ''] = args
  if (['help', '--help', '-h'].includes(first)) return help(verbs, args.slice(1))
  const verb = findVerb(verbs, args)
  if (!verb) return usage(unknownVerb(verbs, args))
  const rest = args.slice(verb.name.split(' ').length)
  if (rest.includes('--help') || rest.includes('-h')) return help(verbs, [verb.name])
  const { given, operands, problems } = parseFlags(rest, verb.flags)
  const wrong = [...problems, ...operands.map((operand) => `unexpected argument ${JSON.stringify(operand)}`)]
  return wrong.length > 0 ? usage(...wrong, `podwire ${verb.name} --help lists its flags`) : execute(verb, () => verb.run(given))
}

function execute(verb: Verb, work: () => number): number {
  try {
    return work()
  } catch (error) {
    if (error instanceof UsageError) return usage(error.message)
    const { message, details } = toCniError(error)
    printError(`${verb.name}: ${message}`)
    for (const line of details.split('\n').filter(Boolean)) printError(line)
    return FAILED
  }
}

function findVerb(verbs: readonly Verb[], args: readonly string[]): Verb | undefined {
  // `node apply` before anything that is only `node`.
  return verbs.find(({ name }) => name === args.slice(0, 2).join(' ')) ?? verbs.find(({ name }) => name === args[0])
}

function unknownVerb(verbs: readonly Verb[], args: readonly string[]): string {
  const [first = ''] = args
  const below = verbs.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name)
  if (below.length > 0) return `${first} what? ${below.map((name) => `podwire ${name}`).join(', ')}`
  const names = verbs.map(({ name }) => name)
  return `unknown verb ${JSON.stringify(first)}${suggestion(args.slice(0, 2).join(' '), names) || suggestion(first, names)}`
}

function help(verbs: readonly Verb[], args: readonly string[]): number {
  const verb = findVerb(
    verbs,
    args.flatMap((arg) => arg.split(' ')),
  )
  if (!verb && args.length > 0) return usage(unknownVerb(verbs, args))
  print(verb ? helpOf(verb) : helpOfAll(verbs, version))
  return DONE
}

function usage(...problems: readonly string[]): number {
  for (const problem of problems) printError(problem)
  return USAGE
}
