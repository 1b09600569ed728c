// `podwire node …`: what the agent runs for its work in the kernel, and what an operator can read without the agent.

import { processIo } from '../cni/io.ts'
import { formatProblem } from '../contract/problem.ts'
import { addPeers } from '../node/add-peers.ts'
import { applyLast, applyState } from '../node/apply.ts'
import { removeNode } from '../node/remove.ts'
import type { Change, Report } from '../node/report.ts'
import { showState } from '../node/show.ts'
import { watchNode } from '../node/watch.ts'
import { restorePods } from '../restore/pods.ts'
import type { Given } from './args.ts'
import { formatTable, print, printError, printJson } from './output.ts'
import { DONE, dryRunFlag, FAILED, finish, outputFlag, pathsFrom, stateDirFlag, type Verb, wantsJson } from './verb.ts'

export const applyVerb: Verb = {
  name: 'node apply',
  about: "make this node's routes, devices and packet filter match the state on stdin",
  details: [
    'Restores what the node has lost of its running pods: links, addresses, routes, host ports.',
    'Writes a report as one line of JSON. Exit status 1 where the kernel rejected something; the rest is done nevertheless.',
  ],
  flags: [stateDirFlag, { name: 'last', about: 'the state of the last pass, instead of stdin' }, dryRunFlag],
  run: (given) => {
    const options = { stateDir: pathsFrom(given).stateDir, dryRun: given.has('dry-run') }
    const report = withPods(given.has('last') ? applyLast(options) : applyState(processIo.readStdin(), options), options.dryRun)
    print(JSON.stringify(report))
    for (const problem of report.problems) printError(formatProblem(problem))
    return report.failed > 0 ? FAILED : DONE
  },
}

/** The pass over the node's network, and then the one over what its running pods have on it. */
function withPods(report: Report, dryRun: boolean) {
  const { pods, drift, changes, problems } = restorePods({ dryRun })
  return {
    ...report,
    problems: [...report.problems, ...problems],
    drift: { ...report.drift, ...drift },
    pods: { compared: pods.length, ...(dryRun && { changes }) },
  }
}

export const addPeersVerb: Verb = {
  name: 'node add-peers',
  about: 'add the routes to the peers of a state on stdin, without reading existing ones',
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
  about: 'the last state, and the kernel objects that it needs, as JSON',
  flags: [stateDirFlag],
  run: (given) => {
    printJson(showState(pathsFrom(given).stateDir))
    return DONE
  },
}

export const watchVerb: Verb = {
  name: 'node watch',
  about: 'print a line of JSON for each change by another program to podwire objects; ends with its stdin',
  flags: [stateDirFlag],
  run: (given) => {
    watchNode(pathsFrom(given).stateDir)
    return DONE
  },
}

export const removeVerb: Verb = {
  name: 'node remove',
  about: 'remove the routes, the device and the packet filter that passes have made',
  flags: [dryRunFlag, outputFlag],
  run: (given) => {
    const dryRun = given.has('dry-run')
    const removal = removeNode({ dryRun })
    return finish(given, removal, () => {
      for (const { kind, object } of removal.removed) print(`${dryRun ? 'would remove' : 'removed'} ${kind}: ${object}`)
      if (removal.removed.length === 0) print('nothing to remove')
    })
  },
}

/** Prints the changes that `wanted` accepts; 1 where there are any. */
export function runDiff(given: Given, wanted: (change: Change) => boolean): number {
  const report = observeNode(pathsFrom(given).stateDir)
  const changes = (report.changes ?? []).filter(wanted)
  if (wantsJson(given)) printJson({ changes, problems: report.problems })
  else {
    const rows = changes.map(({ kind, action, object }) => [SIGNS[action], kind, object])
    print(formatTable(['', 'KIND', 'OBJECT'], rows, 'no differences'))
  }
  for (const problem of report.problems) printError(formatProblem(problem))
  return changes.length > 0 || report.failed > 0 ? FAILED : DONE
}

/** What a pass would do, without doing it; throws a CniError where no pass has run yet. */
export function observeNode(stateDir: string): Report {
  return applyLast({ stateDir, dryRun: true })
}

/** How the kernel differs from the desired state. */
const SIGNS = { added: 'missing', removed: 'stale', replaced: 'differs' } as const
