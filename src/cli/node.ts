// `podwire node …`: what the agent has done in the kernel, and what an operator can look at without it.

import { processIo } from '../cni/io.ts'
import { formatProblem } from '../contract/problem.ts'
import { addPeers } from '../node/add-peers.ts'
import { applyLast, applyState } from '../node/apply.ts'
import { removeNode } from '../node/remove.ts'
import type { Change, Report } from '../node/report.ts'
import { showState } from '../node/show.ts'
import { watchNode } from '../node/watch.ts'
import type { Given } from './args.ts'
import { complain, formatTable, print, printJson } from './output.ts'
import { DONE, dryRunFlag, FAILED, finish, outputFlag, pathsFrom, stateDirFlag, type Verb, wantsJson } from './verb.ts'

export const applyVerb: Verb = {
  name: 'node apply',
  about: "make this node's routes, devices and packet filter as a state on stdin has them",
  details: ['Writes a report as one line of JSON. Exit status 1 where the kernel refused something; the rest is done all the same.'],
  flags: [stateDirFlag, { name: 'last', about: 'the state of the last pass, instead of stdin' }, dryRunFlag],
  run: (given) => {
    const options = { stateDir: pathsFrom(given).stateDir, dryRun: given.has('dry-run') }
    const report = given.has('last') ? applyLast(options) : applyState(processIo.readStdin(), options)
    print(JSON.stringify(report))
    for (const problem of report.problems) complain(formatProblem(problem))
    return report.failed > 0 ? FAILED : DONE
  },
}

export const addPeersVerb: Verb = {
  name: 'node add-peers',
  about: 'make the routes to the peers of a state on stdin, and look at nothing else',
  details: ['For peers that have just joined, before the `node apply` that follows. Writes how many objects it added as one line of JSON.'],
  flags: [],
  run: () => {
    print(JSON.stringify(addPeers(processIo.readStdin())))
    return DONE
  },
}

export const diffVerb: Verb = {
  name: 'node diff',
  about: 'what a pass with the last state would change, object by object',
  flags: [stateDirFlag, outputFlag],
  run: (given) => runDiff(given, () => true),
}

export const showVerb: Verb = {
  name: 'node show',
  about: 'the last state, and what it wants of the kernel, as JSON',
  flags: [stateDirFlag],
  run: (given) => {
    printJson(showState(pathsFrom(given).stateDir))
    return DONE
  },
}

export const watchVerb: Verb = {
  name: 'node watch',
  about: 'prints a line of JSON for each change that others make to podwire state; ends with its stdin',
  flags: [stateDirFlag],
  run: (given) => {
    watchNode(pathsFrom(given).stateDir)
    return DONE
  },
}

export const removeVerb: Verb = {
  name: 'node remove',
  about: 'take away the routes, the device and the packet filter that passes have made',
  flags: [dryRunFlag, outputFlag],
  run: (given) => {
    const dryRun = given.has('dry-run')
    const removal = removeNode({ dryRun })
    return finish(given, removal, () => {
      for (const { kind, object } of removal.removed) print(`${dryRun ? 'would remove' : 'removed'} ${kind}: ${object}`)
      if (removal.removed.length === 0) print('there is nothing')
    })
  },
}

/** Prints the changes of the given kinds; 1 where there are any. */
export function runDiff(given: Given, wanted: (change: Change) => boolean): number {
  const report = observeNode(pathsFrom(given).stateDir)
  const changes = (report.changes ?? []).filter(wanted)
  if (wantsJson(given)) printJson({ changes, problems: report.problems })
  else {
    const rows = changes.map(({ kind, action, object }) => [SIGNS[action], kind, object])
    print(formatTable(['', 'KIND', 'OBJECT'], rows, 'as it should be'))
  }
  for (const problem of report.problems) complain(formatProblem(problem))
  return changes.length > 0 || report.failed > 0 ? FAILED : DONE
}

/** What a pass would do, without doing it; throws a CniError where nothing was applied yet. */
export function observeNode(stateDir: string): Report {
  return applyLast({ stateDir, dryRun: true })
}

/** Of the objects that the kernel has too little, too much or otherwise. */
const SIGNS = { added: 'missing', removed: 'too much', replaced: 'differs' } as const
